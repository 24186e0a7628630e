"""Hand events to the Prefect API and know that it took them."""

from collections.abc import Sequence
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.events.schemas.events import Event, RelatedResource, Resource

from lakehouse.errors import PrefectUnavailable
from lakehouse.reports.run_events import RunEvent


def send_events(events: Sequence[RunEvent]) -> None:
    """Send events and wait for the answer; an event that the API has already is heard once.

    Events of a run go another way (`emit_events`), which nobody waits for.

    Raises:
        PrefectUnavailable: the API does not answer, or refuses.
    """
    body = [
        Event(
            event=event.name,
            id=UUID(event.id),
            resource=Resource(dict(event.resource)),
            related=[RelatedResource(dict(one)) for one in event.related],
            payload=dict(event.payload),
        ).model_dump(mode="json")
        for event in events
    ]
    try:
        with get_client(sync_client=True) as client:
            client.request("POST", "/events", json=body).raise_for_status()
    except (httpx.HTTPError, RuntimeError) as error:
        cause = str(error) or type(error).__name__
        raise PrefectUnavailable(
            f"The Prefect API did not take {len(body)} events: {cause}. Check PREFECT_API_URL, and "
            "PREFECT_API_AUTH_STRING or PREFECT_API_KEY."
        ) from None
