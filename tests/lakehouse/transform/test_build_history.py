from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from lakehouse.lake.audit_database import audit_engine
from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.incidents import open_since
from lakehouse.quality.run_facts import SourceFacts
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


def test_a_build_opens_and_ends_the_incidents_of_its_tests(history, ended, settings):
    ended({"test.a": "fail", "test.b": "warn", "test.c": "fail"})
    ended({"test.a": "pass", "test.b": "fail", "test.c": "fail"})
    ended({"test.a": "fail", "test.b": "skipped", "test.c": "pass"})
    ended({"test.a": "error"})
    assert open_since(audit_engine(settings), "shop") == {
        "test.a": START + timedelta(days=2),
        "test.b": START,
    }


def test_recent_runs_are_the_last_of_every_node_oldest_first(history, ended):
    for status in ("pass", "fail", "warn"):
        ended({"test.a": status})
    ended({"test.b": "pass"})
    history.start("shop", "f", run_id=None)
    recent = history.recent("shop", runs=3)
    assert [(point.at, point.status) for point in recent["test.a"]] == [
        (START + timedelta(days=1), "fail"),
        (START + timedelta(days=2), "warn"),
    ]
    assert [point.at for point in recent["test.b"]] == [START + timedelta(days=3)]
    assert history.recent("mill") == {}


def test_whole_rows_replace_what_dbt_counted(history, ended):
    build = ended({"test.a": "warn"})
    history.record_failing_rows(build, {"test.a": 12})
    assert history.recent("shop")["test.a"][-1].failing_rows == 12
    assert history.newest_results("shop", {"test.a"})["test.a"].failing_rows == 12


def test_the_build_before_is_the_one_that_began_before(history, ended):
    first, second = ended({"test.a": "pass"}), ended({"test.a": "pass"})
    assert history.started_before("shop", first) is None
    assert history.started_before("shop", second) == START


def test_rows_of_sources_are_kept_beside_those_of_models(history):
    build = history.start("shop", "f", run_id=None)
    fresh = NodeResult("source.p.s.fresh", "freshness of s.fresh", "source", "warn")
    history.finish(
        build,
        "warned",
        BuildResults((fresh,), "i", START, 1.0, "1.11"),
        sources=[
            SourceFacts("source.p.s.fresh", "s.fresh", "late", rows=7),
            SourceFacts("source.p.s.other", "s.other", "loaded", rows=9),
        ],
    )
    recent = history.recent("shop")
    assert [(p.status, p.rows) for p in recent["source.p.s.fresh"]] == [("warn", 7)]
    assert [(p.status, p.rows) for p in recent["source.p.s.other"]] == [("pass", 9)]


def test_a_build_without_results_ends_all_the_same(history):
    build_id = history.start("shop", "f", run_id="run")
    history.finish(build_id, "unfinished", None)
    last = history.last("shop")
    assert (last.status, last.invocation_id, last.ended_at is not None) == (
        "unfinished",
        None,
        True,
    )
