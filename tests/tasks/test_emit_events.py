import time
import uuid
from collections.abc import Iterator

import pytest
from prefect.events.clients import AssertingEventsClient
from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_API_URL, temporary_settings

from lakehouse.reports.run_events import RunEvent
from tasks.emit_events import emit_events


@pytest.fixture
def heard() -> Iterator[type[AssertingEventsClient]]:
    """Every event that is handed to Prefect, of which none is sent."""
    AssertingEventsClient.reset()
    EventsWorker.set_client_override(AssertingEventsClient)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        yield AssertingEventsClient
    EventsWorker.drain_all()
    EventsWorker.set_client_override(None)
    AssertingEventsClient.reset()


def make_event(**payload: object) -> RunEvent:
    return RunEvent(
        "lakehouse.test.failed",
        str(uuid.uuid4()),
        {"prefect.resource.id": "lakehouse.test.shop.a"},
        ({"prefect.resource.id": "lakehouse.owner.shop.b", "prefect.resource.role": "owner"},),
        payload,
    )


def test_an_event_is_handed_over_as_it_is(heard: type[AssertingEventsClient]) -> None:
    event = make_event(failing=2)
    assert emit_events([event]) == 1
    EventsWorker.instance().wait_until_empty()
    (given,) = [one for client in heard.all for one in client.events]
    assert (given.event, str(given.id), given.payload) == (event.name, event.id, {"failing": 2})
    assert given.resource.id == "lakehouse.test.shop.a"
    assert given.resource_in_role["owner"].id == "lakehouse.owner.shop.b"


@pytest.mark.usefixtures("heard")
def test_an_event_that_prefect_refuses_does_not_keep_others_back() -> None:
    assert emit_events([make_event(text="x" * 2_000_000), make_event()]) == 1


def test_without_a_run_and_an_api_nothing_is_started() -> None:
    began = time.monotonic()
    with temporary_settings({PREFECT_API_URL: None}):
        assert emit_events([make_event()]) == 0
    assert time.monotonic() - began < 1
