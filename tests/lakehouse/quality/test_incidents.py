from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from lakehouse.quality.build_results import NodeResult
from lakehouse.quality.incidents import incident_states, record_incidents
from lakehouse.quality.run_facts import TestState

START = datetime(2026, 11, 1, 6, tzinfo=UTC)
TEST = "test.p.a"


def make_check(status: str, failures: int | None = None, unique_id: str = TEST) -> NodeResult:
    return NodeResult(unique_id, unique_id, "test", status, failures=failures)


@pytest.fixture
def run(audit: Engine) -> Callable[..., TestState]:
    """`run(day, check)`: a run of that day; the state of the test after it."""

    def one(day: int, *checks: NodeResult, known: set[str] | None = None) -> TestState:
        mark = f"build {day}"
        with audit.begin() as connection:
            at = START + timedelta(days=day)
            record_incidents(connection, "shop", mark, at, checks, known)
        return incident_states(audit, "shop", mark, checks).get(TEST, TestState())

    return one


def test_a_failure_is_new_then_still_open_then_fixed_with_its_history(run):
    assert run(0, make_check("pass")).change is None
    assert run(1, make_check("warn", 2)).change == "NEW"
    still = run(4, make_check("fail", 5))
    assert (still.change, still.since) == ("STILL", START + timedelta(days=1))
    fixed = run(5, make_check("pass"))
    assert (fixed.change, fixed.since) == ("FIXED", None)
    (incident,) = fixed.incidents
    assert (incident.worst_rows, incident.status) == (5, "fail")
    assert incident.days(START) == 4
    after = run(6, make_check("pass"))
    assert (after.change, len(after.incidents)) == (None, 1)


def test_a_test_that_fails_again_begins_a_second_incident(run):
    for day, status in enumerate(("warn", "pass", "warn")):
        state = run(day, make_check(status))
    assert (state.change, state.since) == ("NEW", START + timedelta(days=2))
    assert [one.resolved_at is None for one in state.incidents] == [True, False]


@pytest.mark.parametrize("left_out", [(), (make_check("skipped"),)])
def test_a_run_that_leaves_a_test_out_says_nothing_about_it(run, left_out):
    run(0, make_check("fail"))
    assert run(1, *left_out).change == "NOT CHECKED"
    state = run(2, make_check("fail"))
    assert (state.change, state.since) == ("STILL", START)


def test_the_same_run_told_twice_changes_nothing(run):
    first = run(0, make_check("warn", 2))
    assert run(0, make_check("warn", 2)) == first


def test_the_incident_of_a_test_that_was_removed_ends_without_being_fixed(run):
    run(0, make_check("fail"))
    state = run(1, make_check("pass", unique_id="test.p.b"), known={"test.p.b"})
    assert (state.change, state.since) == (None, None)


def test_a_failure_without_a_count_is_an_incident_too(run):
    state = run(0, make_check("error"))
    assert state.change == "NEW"
    assert state.incidents[0].worst_rows is None


def test_domains_do_not_see_one_another(run, audit):
    run(0, make_check("fail"))
    assert incident_states(audit, "mill", "build 0", [make_check("fail")])[TEST].since is None
