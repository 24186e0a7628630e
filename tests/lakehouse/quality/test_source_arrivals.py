from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from lakehouse.faults import Fault
from lakehouse.lake.audit_schema import batches, deliveries
from lakehouse.lake.error_ledger import ErrorLedger
from lakehouse.lake.ledger import Ledger
from lakehouse.quality.run_facts import SourceFacts
from lakehouse.quality.source_arrivals import freshness_checks, source_arrivals
from lakehouse.source_catalog import load_catalog

NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)
SOURCE = "source.aljibe.shop.sales"
LIMITS = {
    "warn_after": {"count": 1, "period": "day"},
    "error_after": {"count": 72, "period": "hour"},
}


@pytest.fixture
def catalog(tmp_path: Path):
    folder = tmp_path / "dbt" / "models" / "mill"
    folder.mkdir(parents=True)
    (folder / "_shop__sources.yml").write_text(
        "sources:\n  - name: shop\n    schema: raw\n"
        "    config: {meta: {connector: files, block: landing-mill}}\n"
        "    tables:\n      - name: sales\n"
        "        config: {meta: {load: append, pattern: '*.csv'}}\n"
        "        columns: [{name: id, data_type: integer}]\n"
    )
    return load_catalog(tmp_path / "dbt", "mill")


@pytest.fixture
def deliver(audit) -> Callable[..., None]:
    """`deliver(hours=3, status="loaded")`: a delivery of 100 rows so many hours ago."""
    numbers = iter(range(1, 100))

    def one(hours: float, status: str = "loaded", file: str | None = None) -> None:
        number = next(numbers)
        loaded = status == "loaded"
        came = {"source_name": "shop", "table_name": "sales", "sha256": str(number)}
        with audit.begin() as connection:
            if loaded:
                connection.execute(
                    insert(batches).values(
                        **came,
                        batch_id=f"b{number}",
                        content_key=str(number),
                        path="x",
                        schema_hash="",
                        rows_loaded=97,
                        rows_rejected=3,
                        bytes=1,
                        extracted_at=NOW,
                    )
                )
            connection.execute(
                insert(deliveries).values(
                    **came,
                    file_name=file or f"{number}.csv",
                    size=1,
                    mtime_ns=1,
                    reading_hash="",
                    status=status,
                    batch_id=f"b{number}" if loaded else None,
                    rows_delivered=100,
                    rows_loaded=97 if loaded else 0,
                    rows_rejected=3 if loaded else 0,
                    load="append",
                    started_at=NOW - timedelta(hours=hours),
                    seconds=0.1,
                )
            )

    return one


@pytest.fixture
def judge(catalog, audit, make_manifest) -> Callable[..., SourceFacts]:
    def one(freshness: object = None, since: float | None = 12) -> SourceFacts:
        manifest = make_manifest({SOURCE: {"source_name": "shop", "freshness": freshness}})
        moment = None if since is None else NOW - timedelta(hours=since)
        (facts,) = source_arrivals(catalog, Ledger(audit), manifest, now=NOW, since=moment)
        checks = freshness_checks([facts], manifest)
        assert [check.status for check in checks] == ([facts.status] if facts.status else [])
        return facts

    return one


def test_what_came_since_the_build_before_is_counted_and_named(deliver, judge):
    deliver(30)
    deliver(3)
    facts = judge()
    assert (facts.arrival, facts.delivered, facts.loaded, facts.rejected) == ("loaded", 100, 97, 3)
    assert facts.files == ("2.csv",)
    assert facts.rows == 194
    assert judge(since=None).delivered == 200


def test_a_source_without_a_limit_is_not_judged(deliver, judge):
    deliver(1000)
    assert (judge().arrival, judge().status) == ("unchanged", None)


@pytest.mark.parametrize(
    ("hours", "status", "arrival"),
    [(23, "pass", "unchanged"), (25, "warn", "late"), (71, "warn", "late"), (73, "fail", "late")],
)
def test_a_source_is_as_fresh_as_its_newest_delivery(deliver, judge, hours, status, arrival):
    deliver(hours + 40)
    deliver(hours)
    facts = judge(LIMITS)
    assert (facts.status, facts.arrival) == (status, arrival)
    assert facts.age_hours == pytest.approx(hours)
    assert (facts.warn_after_hours, facts.error_after_hours) == (24, 72)


def test_the_same_content_delivered_again_is_fresh(deliver, judge):
    deliver(50)
    deliver(1, status="known")
    facts = judge(LIMITS)
    assert (facts.status, facts.known) == ("pass", 100)


def test_a_refused_delivery_leaves_the_source_as_old_as_its_last_good_one(deliver, judge):
    deliver(50)
    deliver(1, status="quarantined")
    facts = judge(LIMITS)
    assert (facts.status, facts.arrival) == ("warn", "quarantined")


def test_what_never_came_is_older_than_any_limit(judge):
    facts = judge(LIMITS)
    assert (facts.arrival, facts.status, facts.rows) == ("never", "fail", None)


def test_a_source_carries_its_open_errors(judge, audit):
    missing = Fault("extract", "shop.sales", "file_missing", "none", details={"pattern": "*.csv"})
    ErrorLedger(audit).settle("mill", [missing], lambda _: "OPEN", NOW)
    assert [fault.kind for fault in judge().faults] == ["missing"]
