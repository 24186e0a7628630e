"""Ask the work pool to take the parts of a run, and see that each of them is done once.

What a part came to is read from the audit database. Of its flow run only one thing counts: that it
has ended without having done the part, which is asked for again then.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.settings import get_current_settings
from prefect.states import Cancelled, Cancelling

from lakehouse import errors
from lakehouse.errors import PartFailed, PartLost, PrefectUnavailable, SplitRefused
from lakehouse.lake.run_parts import PartStatus, RunPart, RunParts, error_of
from lakehouse.settings import Settings

_LOOK_SECONDS = 1.0
_ASK_SECONDS = 2.0
_SAY_SECONDS = 60.0


@dataclass(frozen=True)
class PartWork:
    """How the parts of a run are done.

    Attributes:
        deployment: `flow/deployment` whose runs take a part.
        parameters: of such a run.
        here: does a part in this process; raises what kept it from being done.
        longest_seconds: that a part can take; one that says it runs longer is lost.
    """

    deployment: str
    parameters: Callable[[RunPart], dict[str, object]]
    here: Callable[[RunPart], object]
    longest_seconds: float | None = None


@dataclass
class _Asked:
    """A part that is waited for."""

    part: RunPart
    run: FlowRun
    tries: int = 1
    since: float = field(default_factory=time.monotonic)
    looked_at: float = field(default_factory=time.monotonic)


def do_parts(
    parts: Sequence[RunPart], store: RunParts, work: PartWork, settings: Settings
) -> list[RunPart]:
    """Have parts done side by side, until each has ended; what is done already stays so.

    A part whose run breaks off, or ends with a transient error, is asked for again, as often as
    `ALJIBE_RESUME_ATTEMPTS` says. One that no worker takes in `ALJIBE_PART_WAIT_SECONDS` is done
    here, so that a pool which is full of runs that wait for their parts goes on.

    Returns:
        The parts as they ended.

    Raises:
        SplitRefused: nobody is there who could take a part.
        PrefectUnavailable: the API did not answer when the parts were handed out.
        PartLost: a part's runs broke off too often.
        AljibeError: the error of the first part that could not be done, after all have ended.
    """
    if not parts:
        return []
    _assert_pool()
    waiting: dict[int, _Asked] = {}
    given_up: list[errors.AljibeError] = []
    with get_client(sync_client=True) as client, _cancelled_with_us(client, waiting):
        for part in parts:
            if part.status != "done":
                waiting[part.number] = _ask(part, store, work)
        _wait(client, waiting, store, work, settings, given_up)
    if given_up:
        raise given_up[0]
    ended = [store.one(part.split_id, part.number) for part in parts]
    for part in ended:
        if part.status == "failed":
            raise error_of(part)
    return ended


def _wait(
    client: SyncPrefectClient,
    waiting: dict[int, _Asked],
    store: RunParts,
    work: PartWork,
    settings: Settings,
    given_up: list[errors.AljibeError],
) -> None:
    logger, said = get_run_logger(), time.monotonic()
    while waiting:
        statuses = store.statuses(next(iter(waiting.values())).part.split_id)
        for number, asked in list(waiting.items()):
            try:
                now = _look_at(client, asked, statuses.get(number), store, work, settings)
            except errors.AljibeError as error:
                # The others are waited for: they write what this run has the lock of.
                logger.error("%s", error)
                given_up.append(error)
                now = None
            if now is None:
                del waiting[number]
            else:
                waiting[number] = now
        if _seconds_since(said) > _SAY_SECONDS and waiting:
            logger.info("%d parts have not ended yet: %s", len(waiting), sorted(waiting))
            said = time.monotonic()
        if waiting:
            time.sleep(_LOOK_SECONDS)


def _look_at(
    client: SyncPrefectClient,
    asked: _Asked,
    status: PartStatus | None,
    store: RunParts,
    work: PartWork,
    settings: Settings,
) -> _Asked | None:
    """Go on with a part; None when it has ended."""
    logger = get_run_logger()
    if status in ("done", "failed"):
        part = store.one(asked.part.split_id, asked.part.number)
        if _is_worth_another(part, asked.tries, settings):
            logger.warning("%s It is tried again.", error_of(part))
            return _ask(part, store, work, asked.tries + 1)
        logger.info("part %d is %s: flow run %s", part.number, status, part.run_id)
        return None
    if _seconds_since(asked.looked_at) > _ASK_SECONDS:
        asked.looked_at = time.monotonic()
        if why := _lost(client, asked, store, work):
            return _ask_again(asked, store, work, settings, why)
        waited = _seconds_since(asked.since)
        if status == "planned" and waited > settings.part_wait_seconds:
            _do_here(client, asked, store, work)
    return asked


def _ask(part: RunPart, store: RunParts, work: PartWork, tries: int = 1) -> _Asked:
    # With it comes what only runs that are split need.
    from prefect.deployments import run_deployment  # noqa: PLC0415

    part = store.ask(part)
    try:
        run: FlowRun = run_deployment(  # type: ignore[assignment]
            work.deployment,
            parameters=work.parameters(part),
            flow_run_name=f"{part.kind}-{part.domain}-part-{part.number}",
            timeout=0,
            idempotency_key=f"{part.split_id}-{part.number}-{part.attempts}",
        )
    except ObjectNotFound:
        raise SplitRefused(
            f"The deployment {work.deployment}, whose runs take parts, is not there. Run "
            "deploy/bootstrap, or do not split this run."
        ) from None
    except httpx.HTTPError as error:
        raise PrefectUnavailable(
            f"Part {part.number} of {part.domain} could not be handed to the work pool: "
            f"{type(error).__name__}. Is the Prefect API up?"
        ) from None
    what = "nodes" if part.kind == "build" else "tables"
    get_run_logger().info(
        "part %d, %d %s, goes to the work pool as %s", part.number, len(part.to_do), what, run.name
    )
    return _Asked(part, run, tries)


def _ask_again(
    asked: _Asked, store: RunParts, work: PartWork, settings: Settings, why: str
) -> _Asked:
    part = store.one(asked.part.split_id, asked.part.number)
    if asked.tries > settings.resume_attempts:
        raise PartLost(
            f"part {part.number} of {part.domain} was tried {asked.tries} times, and {why}. "
            "Look at the workers of the pool, then run again: what is done is not done again."
        )
    get_run_logger().warning("part %d: %s; it is asked for again", part.number, why)
    store.give_back(part)
    return _ask(part, store, work, asked.tries + 1)


def _is_worth_another(part: RunPart, tries: int, settings: Settings) -> bool:
    if part.status != "failed" or tries > settings.resume_attempts:
        return False
    return isinstance(error_of(part), errors.TransientError)


def _do_here(client: SyncPrefectClient, asked: _Asked, store: RunParts, work: PartWork) -> None:
    """Do a part in this process, unless a worker has taken its run by now."""
    try:
        run = client.read_flow_run(asked.run.id)
        if run.state and not run.state.is_scheduled():
            return
        message = "The run that it is a part of did it itself: no worker was free."
        client.set_flow_run_state(run.id, Cancelled(message=message))
    except httpx.HTTPError:
        # Asked again at the next look, which also says that the API is away.
        return
    get_run_logger().info("no worker took part %d so far: it is done here", asked.part.number)
    try:
        work.here(asked.part)
    except errors.AljibeError:
        # What went wrong is recorded with the part, unless it was not let in.
        if not store.one(asked.part.split_id, asked.part.number).has_ended:
            raise


def _lost(client: SyncPrefectClient, asked: _Asked, store: RunParts, work: PartWork) -> str | None:
    """Why nobody will do a part that was asked for; None as long as somebody may."""
    try:
        run = client.read_flow_run(asked.run.id)
    except ObjectNotFound:
        return "its run was deleted"
    except httpx.HTTPError as error:
        get_run_logger().warning("the Prefect API does not answer: %s", type(error).__name__)
        return None
    # Asked in this order: a run tells its part's end before its own.
    part = store.one(asked.part.split_id, asked.part.number)
    if part.has_ended:
        return None
    state: State | None = run.state
    if state and state.is_cancelled():
        raise PartFailed(f"part {part.number} of {part.domain} was cancelled: {state.message}")
    if state and state.is_final():
        return f"its run {run.name} ended as {state.name}: {state.message}"
    ran = _seconds_since(asked.since)
    if part.status == "running" and work.longest_seconds and ran > work.longest_seconds:
        return f"its run {run.name} has said nothing for {ran:.0f} s"
    return None


def _assert_pool() -> None:
    if not get_current_settings().api.url:
        raise SplitRefused(
            "A run is split over the workers of a Prefect server, and none is configured: set "
            "PREFECT_API_URL, or do not split."
        )


@contextmanager
def _cancelled_with_us(client: SyncPrefectClient, waiting: dict[int, _Asked]) -> Iterator[None]:
    """Cancel the runs of parts where the run itself is cancelled; let them end where it dies."""
    try:
        yield
    except BaseException:
        with suppress(httpx.HTTPError, ObjectNotFound):
            if _is_being_cancelled(client):
                for asked in waiting.values():
                    message = "The run that it is a part of was cancelled."
                    client.set_flow_run_state(asked.run.id, Cancelling(message=message))
        raise


def _is_being_cancelled(client: SyncPrefectClient) -> bool:
    for run_id in {flow_run.get_id(), flow_run.get_root_flow_run_id()}:
        state = client.read_flow_run(UUID(run_id)).state if run_id else None
        if state and (state.is_cancelling() or state.is_cancelled()):
            return True
    return False


def _seconds_since(moment: float) -> float:
    return time.monotonic() - moment
