import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.failing_rows import FailingRows
from lakehouse.quality.run_facts import (
    GroupFacts,
    Incident,
    PublishFacts,
    RunFacts,
    RunLink,
    TestState,
)
from lakehouse.reports.run_events import publish_event, run_events, slower_than_expected

NOW = datetime(2026, 11, 21, 6, 3, tzinfo=UTC)
CANARY = "canary-4111-1111"
RUN = RunLink("elt-pharma", "0b9b7e6e-0000-4000-8000-000000000001", "https://ui.example.com/x")


def make_test(**overrides: Any) -> NodeResult:
    """A test that warns and whose message quotes a value."""
    fields: dict[str, Any] = {
        "unique_id": f"test.p.{overrides.get('name', 'unique_id')}",
        "name": "unique_id",
        "resource_type": "test",
        "status": "warn",
        "severity": "warn",
        "failures": 1,
        "model": "ventas",
        "column": "id",
        "test_kind": "unique",
        "message": CANARY,
        **overrides,
    }
    return NodeResult(**fields)


def make_facts(*tests: NodeResult, **overrides: Any) -> RunFacts:
    """A run of which every test belongs to the group ventas and shows a failing row."""
    nodes = tuple(test.unique_id for test in tests)
    fields: dict[str, Any] = {
        "run": RUN,
        "groups": (GroupFacts("ventas", "Ventas", email="ana@example.com", nodes=nodes),),
        "failing_rows": {
            one: FailingRows(("id",), ({"id": CANARY},), total=2, note=CANARY) for one in nodes
        },
        **overrides,
    }
    return RunFacts("pharma_latam", NOW, BuildResults(tests, "run-1", NOW, 2.5, "1.11"), **fields)


@pytest.mark.parametrize(
    ("status", "change", "name"),
    [
        ("warn", "NEW", "lakehouse.test.warned"),
        ("warn", "STILL", "lakehouse.test.warned"),
        ("fail", "NEW", "lakehouse.test.failed"),
        ("error", "NEW", "lakehouse.test.failed"),
        ("pass", "FIXED", "lakehouse.test.fixed"),
        ("pass", None, None),
        ("skipped", "NOT CHECKED", None),
    ],
)
def test_a_test_gives_the_event_of_its_status(status: str, change: Any, name: str | None):
    test = make_test(status=status)
    events = run_events(make_facts(test, tests={test.unique_id: TestState(change)}), "b1")
    names = [event.name for event in events if event.name.startswith("lakehouse.test.")]
    assert names == ([name] if name else [])


def test_the_event_of_a_test_names_test_owner_and_run_with_counts_days_and_links():
    since = NOW - timedelta(days=3, hours=1)
    facts = make_facts(make_test(), tests={"test.p.unique_id": TestState("STILL", since)})
    event = run_events(facts, "b1", "https://reports.example.com/")[0]
    assert event.resource == {
        "prefect.resource.id": "lakehouse.test.pharma_latam.unique-id",
        "prefect.resource.name": "unique_id",
        "lakehouse.domain": "pharma_latam",
    }
    assert [
        (one["prefect.resource.id"], one["prefect.resource.role"]) for one in event.related
    ] == [
        ("lakehouse.owner.pharma_latam.ventas", "owner"),
        (f"prefect.flow-run.{RUN.id}", "flow-run"),
    ]
    expected = {
        "failing": 2,
        "days_open": 3,
        "open_since": since.isoformat(),
        "change": "STILL",
        "page": "https://reports.example.com/pharma_latam/tests/unique-id.html",
        "run": RUN.url,
        "run_id": RUN.id,
    }
    assert expected.items() <= event.payload.items()


def test_a_fixed_test_tells_how_long_it_was_open_and_that_nothing_fails():
    was = Incident(NOW - timedelta(days=2), NOW - timedelta(days=1), NOW, "warn", 4)
    facts = make_facts(
        make_test(status="pass", failures=0),
        tests={"test.p.unique_id": TestState("FIXED", incidents=(was,))},
    )
    event = run_events(facts, "b1")[0]
    assert (event.payload["days_open"], event.payload["failing"]) == (2, 0)


def test_the_freshness_of_a_source_is_a_test_too():
    source = make_test(
        unique_id="source.p.erp.sales",
        name="freshness of erp.sales",
        resource_type="source",
        model="erp.sales",
        test_kind=None,
        failures=None,
    )
    event = run_events(make_facts(source), "b1")[0]
    assert event.resource["prefect.resource.name"] == "freshness of erp.sales"


def test_events_are_json_and_hold_no_value_of_a_row_no_message_and_no_address():
    tests = [make_test(name=status, status=status) for status in ("warn", "fail", "error")]
    facts = make_facts(*tests, publish=PublishFacts("refused", message=CANARY))
    published = publish_event("pharma_latam", facts.publish, "b1", RUN, ["a_test"])
    assert published is not None
    for event in [*run_events(facts, "b1", "https://r.example.com"), published]:
        told = json.dumps([event.resource, event.related, event.payload])
        assert CANARY not in told
        assert "ana@example.com" not in told


@pytest.mark.parametrize(
    ("status", "name"), [("pass", "passed"), ("warn", "warned"), ("fail", "failed")]
)
def test_a_build_gives_one_event_of_its_verdict(status: str, name: str):
    *_, event = run_events(make_facts(make_test(status=status)), "b1")
    assert event.name == f"lakehouse.build.{name}"
    assert event.resource["prefect.resource.id"] == "lakehouse.build.pharma_latam"
    assert event.payload["counts"][status] == 1


def test_a_build_names_the_owners_whose_tests_do_not_pass():
    facts = make_facts(
        make_test(name="a"),
        make_test(name="b"),
        make_test(name="c", status="pass"),
        groups=(
            GroupFacts("ventas", "Ventas", nodes=("test.p.a", "test.p.b")),
            GroupFacts("stock", "Stock", nodes=("test.p.c",)),
        ),
    )
    *_, event = run_events(facts, "b1")
    owners = [one for one in event.related if one["prefect.resource.role"] == "owner"]
    assert [one["prefect.resource.name"] for one in owners] == ["Ventas"]


def test_a_skipped_build_gives_its_own_event_alone_and_one_for_each_run():
    facts = make_facts(make_test(), skipped_build_of=NOW - timedelta(days=1))
    (event,) = run_events(facts, "b1")
    assert event.name == "lakehouse.build.warned"
    (later,) = run_events(make_facts(make_test(), skipped_build_of=NOW, run=RunLink(id="2")), "b1")
    assert later.id != event.id


def test_the_same_happening_has_the_same_id_and_any_other_another():
    tests = [make_test(), make_test(name="other")]
    first, again = (run_events(make_facts(*tests), "b1") for _ in range(2))
    assert [event.id for event in first] == [event.id for event in again]
    ids = {event.id for event in [*first, *run_events(make_facts(*tests), "b2")]}
    assert len(ids) == 6
    assert all(uuid.UUID(one) for one in ids)


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        ("published", "lakehouse.publish.completed"),
        ("refused", "lakehouse.publish.blocked"),
        ("unchanged", None),
        ("not run", None),
    ],
)
def test_a_publication_gives_an_event_if_readers_could_notice(outcome: Any, name: str | None):
    publish = PublishFacts(outcome, {"consume.a": 3, "consume.b": 4}, {"consume.a": 2})
    event = publish_event("pharma_latam", publish, "b1", RUN)
    assert (event.name if event else None) == name
    if event:
        assert (event.payload["rows"], event.payload["rows_before"]) == (7, 2)


@pytest.mark.parametrize(
    ("seconds", "expected", "words"),
    [
        (61, 60, "the run took 1 min 1 s, expected are at most 1 min"),
        (45.2, 30, "the run took 45 s, expected are at most 30 s"),
        (60, 60, None),
        (10, None, None),
    ],
)
def test_a_run_slower_than_expected_is_named(seconds: float, expected: Any, words: str | None):
    assert slower_than_expected(seconds, expected) == words
