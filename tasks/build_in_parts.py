"""A dbt build that workers of the pool share: what the whole run does, and what each part does."""

from collections.abc import Sequence
from functools import partial

from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from lakehouse.errors import PartLost, PartRefused, SplitRefused
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.file_lock import Holder
from lakehouse.lake.run_parts import RunPart, RunParts, part_lock
from lakehouse.lake.shared_locks import domain_holder
from lakehouse.quality.build_results import BuildResults
from lakehouse.quality.dbt_results import read_results
from lakehouse.settings import Settings, load_settings
from lakehouse.transform.build_history import BuildHistory
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.dbt_process import DbtLine
from lakehouse.transform.parse_cache import parsed_before, take_parse_of
from lakehouse.transform.split_build import (
    build_of_part,
    graph_of,
    list_nodes,
    outcome_of,
    plan_parts,
    unbuilt_of,
    write_merged_results,
)
from lakehouse.transform.writers_at_once import assert_builds_side_by_side
from tasks.fan_out import PartWork, do_parts
from tasks.run_dbt import forget_results, resolved_profiles, run_dbt_build

DEPLOYMENT = "dbt-build-part/all-domains"
# dbt ends itself at its time-out; parsing and telling the end take the rest.
_SPARE_SECONDS = 300.0


def parts_wanted(build: DbtBuild, parts: int | None) -> int:
    """Into how many parts a build is to be split; refused where it has one writer.

    Args:
        build: the build.
        parts: as asked; default `ALJIBE_BUILD_PARTS`.

    Raises:
        SplitRefused: the target is written by one process at a time, or the project is another's.
    """
    settings = load_settings()
    if parts is None and build.foreign:
        return 1
    wanted = settings.build_parts if parts is None else parts
    if wanted < 1:
        raise SplitRefused(f"A build has at least one part, not {wanted}.")
    if wanted > 1:
        assert_builds_side_by_side(settings, build)
    return wanted


def wait_for_left_parts(domain: str) -> None:
    """Wait for parts of an earlier run that still write; its other parts begin no more.

    A run that died leaves parts to their workers. The flow that calls it is the domain's writer.

    Raises:
        LockWaitTooLong: one goes on for longer than dbt may take.
    """
    settings = load_settings()
    store, logger = RunParts(audit_engine(settings)), get_run_logger()

    def _waiting(part: RunPart, holder: Holder | None) -> None:
        logger.warning(
            "Waiting for part %d of an earlier run of %s: %s.",
            part.number,
            part.domain,
            holder or "an unnamed process",
        )

    for part in store.running(domain, "build"):
        lock = part_lock(
            settings,
            part,
            _run_name(),
            timeout=settings.dbt_timeout_seconds + _SPARE_SECONDS,
            on_wait=partial(_waiting, part),
        )
        with lock:
            left = store.one(part.split_id, part.number)
            if left.status == "running":
                store.fail(left, PartLost("the process that built it died."))


def run_dbt_in_parts(
    build: DbtBuild, build_id: str, most_parts: int, keep_open: Sequence[int]
) -> None:
    """Run a build by its parts; leaves the results of all of them as if dbt had run once.

    A graph of which nothing can be gained is built in one.

    Args:
        build: the build.
        build_id: its id; one that was begun before goes on with what is left to do.
        most_parts: built at the same time.
        keep_open: descriptors of the domain's lock, which dbt has to hold as long as it lives.
    """
    settings, logger = load_settings(), get_run_logger()
    engine = audit_engine(settings)
    store, history = RunParts(engine), BuildHistory(engine)
    forget_results(build)
    with parsed_before(build, settings.parse_dir), resolved_profiles(build) as profiles:
        listed = list_nodes(
            build,
            profiles,
            timeout=settings.dbt_timeout_seconds,
            on_line=_log,
            keep_open=keep_open,
        )
    manifest, graph = graph_of(build, listed)
    planned = plan_parts(
        build,
        manifest,
        graph,
        most_parts,
        seconds=history.newest_seconds(build.domain),
        start_seconds=settings.part_start_seconds,
    )
    if len(planned) <= 1:
        logger.info("%s: its graph gains nothing by parts and is built in one.", build.domain)
        run_dbt_build(build, keep_open)
        return
    parts = store.plan(build_id, "build", build.domain, planned)
    waves = sorted({part.wave for part in parts})
    done = sum(part.status == "done" for part in parts)
    logger.info(
        "%s: %d nodes in %d parts and %d waves%s.",
        build.domain,
        len(graph),
        len(parts),
        len(waves),
        f", of which {done} parts are done already" if done else "",
    )
    writer = _writer_of(build.domain, settings)
    work = PartWork(
        DEPLOYMENT,
        lambda part: {
            "domain": part.domain,
            "build_id": part.split_id,
            "part": part.number,
            "writer": writer,
        },
        lambda part: build_part(part.domain, part.split_id, part.number, writer),
        settings.dbt_timeout_seconds + settings.lock_timeout_seconds + _SPARE_SECONDS,
    )
    for wave in waves:
        parts = store.of(build_id)
        todo = []
        for part in (one for one in parts if one.wave == wave and one.status != "done"):
            left_out = unbuilt_of(part, parts, manifest, graph)
            if len(left_out) == len(part.work):
                store.leave_out(part)
                logger.warning("part %d is left out: what it needs was not built.", part.number)
            else:
                todo.append(store.without(part, left_out))
        do_parts(todo, store, work, settings)
    write_merged_results(build, build_id, store.of(build_id), manifest)


def build_part(domain: str, build_id: str, number: int, writer: str) -> BuildResults | None:
    """Build a part of a run that holds the domain's lock.

    Args:
        domain: whose build.
        build_id: of the build that was split.
        number: of the part.
        writer: who holds the lock, as `run_dbt_in_parts` tells its parts.

    Returns:
        What dbt came to; None if the part was done already.

    Raises:
        PartRefused: no such run holds the lock, or there is no such part.
        DbtCouldNotRun: dbt left no results.
    """
    settings = load_settings()
    store = RunParts(audit_engine(settings))
    part = store.one(build_id, number)
    lock = part_lock(settings, part, _run_name(), timeout=settings.lock_timeout_seconds)
    with lock:
        part = store.one(build_id, number)
        if part.status == "done":
            return None
        store.begin(part, flow_run.get_id())
        try:
            assert_let_in(settings, domain, build_id, writer)
        except PartRefused:
            store.give_back(part)
            raise
        try:
            build = build_of_part(settings, part)
            take_parse_of(build, settings.dbt_target(domain))
            run_dbt_build(build, lock.descriptors)
            outcome, results = outcome_of(build), read_results(build.target_path)
        except Exception as error:
            store.fail(part, error)
            raise
        store.end(part, outcome)
        return results


def assert_let_in(settings: Settings, domain: str, build_id: str, writer: str) -> None:
    """Refuse a part whose run does not hold the domain's lock at this moment.

    Raises:
        PartRefused: naming who holds it.
    """
    build = BuildHistory(audit_engine(settings)).one(build_id)
    going_on = build is not None and build.status == "running" and build.domain == domain
    now = _writer_of(domain, settings)
    if not going_on or not now or now != writer:
        raise PartRefused(
            f"This part belongs to a build of {domain} that is over: "
            f"{now or 'nobody'} writes the domain now. Start a build; it makes its own parts."
        )


def _writer_of(domain: str, settings: Settings) -> str:
    """Who writes a domain now, told alike on every host; empty if nobody does."""
    holder = domain_holder(settings, domain)
    return f"{holder.run} (pid {holder.pid} on {holder.host})" if holder else ""


def _log(line: DbtLine) -> None:
    if line.level != "info":
        get_run_logger().warning("%s", line.text)


def _run_name() -> str:
    return f"{flow_run.get_flow_name()} {flow_run.get_name()}"
