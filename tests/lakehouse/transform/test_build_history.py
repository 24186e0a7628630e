from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from lakehouse.lake.audit_database import audit_engine
from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.transform import build_history
from lakehouse.transform.build_history import BuildHistory

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def history(settings) -> BuildHistory:
    return BuildHistory(audit_engine(settings))


@pytest.fixture
def ended(history, monkeypatch) -> Callable[..., str]:
    """`ended({"test.a": "fail"})`: a build a day later than the one before; its id."""
    days = iter(range(100))

    def one(statuses: dict[str, str], *, domain: str = "shop", **options) -> str:
        day = next(days)

        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):  # noqa: ARG003
                return START + timedelta(days=day)

        monkeypatch.setattr(build_history, "datetime", Clock)
        build_id = history.start(domain, "f", run_id=None, **options)
        nodes = tuple(
            NodeResult(unique_id, unique_id.split(".")[-1], "test", status, seconds=1.0)
            for unique_id, status in statuses.items()
        )
        failed = any(status in ("fail", "error") for status in statuses.values())
        history.finish(
            build_id,
            "failed" if failed else "passed",
            BuildResults(nodes, f"invocation {day}", START, 1.0, "1.11"),
        )
        return build_id

    return one


def test_a_build_that_began_and_did_not_end_is_the_last_one_and_not_good(history, ended):
    ended({"test.a": "pass"})
    assert history.last("shop").is_good
    history.start("shop", "f2", run_id="run")
    assert (history.last("shop").status, history.last("shop").is_good) == ("running", False)
    assert history.last("mill") is None


def test_a_build_by_hand_is_not_good(history):
    history.start("shop", "f", run_id=None, status="by hand")
    assert not history.last("shop").is_good


def test_a_build_of_a_part_does_not_clear_what_failed_elsewhere(history, ended):
    ended({"test.a": "fail", "test.b": "pass", "model.c": "skipped", "test.d": "warn"})
    known = {"test.a", "test.b", "model.c", "test.d"}
    ended({"test.b": "pass"})
    assert history.broken_nodes("shop", known) == {"a": "fail", "c": "skipped"}
    ended({"test.a": "pass"})
    assert history.broken_nodes("shop", known) == {"c": "skipped"}


def test_nodes_that_no_longer_exist_do_not_count(history, ended):
    ended({"test.a": "error", "test.b": "fail"})
    assert history.broken_nodes("shop", {"test.b"}) == {"b": "fail"}


def test_nodes_of_another_domain_do_not_count(history, ended):
    ended({"test.a": "fail"}, domain="mill")
    assert history.broken_nodes("shop", {"test.a"}) == {}


def test_failures_are_dated_from_the_first_of_their_present_row(history, ended):
    ended({"test.a": "fail", "test.b": "warn", "test.c": "fail"})
    ended({"test.a": "pass", "test.b": "fail", "test.c": "fail"})
    ended({"test.a": "fail", "test.b": "skipped", "test.c": "pass"})
    ended({"test.a": "error"})
    assert history.failing_since("shop") == {
        "test.a": START + timedelta(days=2),
        "test.b": START,
    }


def test_the_results_before_are_those_of_the_build_before(history, ended):
    ended({"test.a": "fail"})
    ended({"test.a": "pass", "test.b": "warn"})
    history.start("shop", "f", run_id=None)
    ended({"test.a": "warn"})
    before = history.results_before("shop", "invocation 2")
    assert {node.unique_id: node.status for node in before.nodes} == {
        "test.a": "pass",
        "test.b": "warn",
    }
    assert before.invocation_id == "invocation 1"


def test_before_the_first_build_there_are_no_results(history, ended):
    assert history.results_before("shop", "x") is None
    ended({"test.a": "pass"})
    assert history.results_before("shop", "invocation 0") is None


def test_a_build_without_results_ends_all_the_same(history):
    build_id = history.start("shop", "f", run_id="run")
    history.finish(build_id, "unfinished", None)
    last = history.last("shop")
    assert (last.status, last.invocation_id, last.ended_at is not None) == (
        "unfinished",
        None,
        True,
    )
