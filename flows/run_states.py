"""Final states of the flows: Completed, CompletedWithWarnings, Failed, with what to read first."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Completed, Failed

from lakehouse.errors import AljibeError
from lakehouse.lake.file_lock import Holder
from lakehouse.lake.shared_locks import DomainLock
from lakehouse.lake.writer_lock import domain_writer
from lakehouse.settings import Settings

WITH_WARNINGS = "CompletedWithWarnings"
_MOST_WARNINGS = 5


def succeeded(message: str, warnings: Sequence[str] = (), data: Any = None) -> State[Any]:
    """The state of a run that did its work; its name says whether somebody should look.

    Its data are `{"summary": message, "warnings": [...], "outcome": data}`.
    """
    outcome = {"summary": message, "warnings": list(warnings), "outcome": data}
    if not warnings:
        return Completed(message=message, data=outcome)
    shown = "; ".join(warnings[:_MOST_WARNINGS])
    more = len(warnings) - _MOST_WARNINGS
    if more > 0:
        shown += f"; and {more} more"
    return Completed(name=WITH_WARNINGS, message=f"{message}. Warnings: {shown}", data=outcome)


def failed(error: Exception | str) -> State[Any]:
    """The state of a run that did not do its work."""
    return Failed(message=str(error), data=error if isinstance(error, Exception) else None)


def summary_of(state: State[Any]) -> str:
    """The line that a step's `succeeded` state carries, without its warnings."""
    return str(state.result()["summary"])


def warnings_of(state: State[Any]) -> list[str]:
    """The warnings that a step's `succeeded` state carries."""
    outcome = state.result()
    return list(outcome["warnings"])


@contextmanager
def only_writer(settings: Settings, domain: str) -> Iterator[DomainLock]:
    """Hold the domain's lock for the rest of a flow, and say in its log why it waits."""
    logger = get_run_logger()

    def _waiting(holder: Holder | None) -> None:
        logger.warning(
            "Waiting for %s: it is being written by %s.", domain, holder or "an unnamed process"
        )

    def _left(holder: Holder) -> None:
        logger.warning("The last writer of %s died without an end: %s.", domain, holder)

    run = f"{flow_run.get_flow_name()} {flow_run.get_name()}"
    with domain_writer(settings, domain, run, on_wait=_waiting, on_left_behind=_left) as lock:
        yield lock


@contextmanager
def one_heartbeat() -> Iterator[None]:
    """Run subflows without heartbeats of their own: they live and die with the run around them.

    Prefect waits up to a second for the thread of each as it ends.
    """
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


def explained(error: AljibeError) -> State[Any]:
    """Log an error whose message says it all, and give the failed state for it."""
    get_run_logger().error("%s", error)
    return failed(error)
