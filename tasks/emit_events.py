"""Tell Prefect what became of tests, build and publication; automations react to it."""

from collections.abc import Sequence
from uuid import UUID

from prefect.context import FlowRunContext, TaskRunContext
from prefect.events import emit_event
from prefect.exceptions import EventTooLarge
from prefect.logging import get_logger
from prefect.settings import PREFECT_API_URL

from lakehouse.reports.run_events import RunEvent


def emit_events(events: Sequence[RunEvent]) -> int:
    """Hand events to Prefect, which sends them in the background.

    Outside a run and without a Prefect API nobody would hear them, and none is started for them.

    Returns:
        How many were handed over.
    """
    in_run = FlowRunContext.get() or TaskRunContext.get()
    if not in_run and not PREFECT_API_URL.value():
        return 0
    return sum(_emit(event) for event in events)


def _emit(event: RunEvent) -> bool:
    try:
        emitted = emit_event(
            event=event.name,
            resource=dict(event.resource),
            related=[dict(one) for one in event.related],
            payload=dict(event.payload),
            id=UUID(event.id),
        )
    except EventTooLarge:
        get_logger(__name__).warning("The event %s is too large and was not sent.", event.name)
        return False
    return emitted is not None
