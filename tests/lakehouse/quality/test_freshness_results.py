from typing import Any

import pytest

from lakehouse.errors import DbtCouldNotRun
from lakehouse.quality.freshness_results import freshness_facts, freshness_results

EVENTS = "source.p.app.events"


def judged(status: str, age_seconds: float = 60.0, **fields: Any) -> dict[str, Any]:
    """An entry of `sources.json` that dbt could judge."""
    return {
        "unique_id": EVENTS,
        "max_loaded_at": "2026-11-21T06:00:00+00:00",
        "snapshotted_at": "2026-11-21T06:01:00+00:00",
        "max_loaded_at_time_ago_in_s": age_seconds,
        "status": status,
        "criteria": {
            "warn_after": {"count": 12, "period": "hour"},
            "error_after": {"count": 2, "period": "day"},
        },
        **fields,
    }


@pytest.fixture
def manifest(make_manifest):
    return make_manifest(
        {
            EVENTS: {
                "source_name": "app",
                "source_meta": {"owner": "product"},
                "columns": {"name": {"name": "name", "config": {"meta": {"pii": True}}}},
            }
        },
        groups={"g": {"name": "product", "owner": {"name": "Product"}}},
    )


def result_of(entry, manifest):
    (result,) = freshness_results({"results": [entry]}, manifest)
    return result


@pytest.mark.parametrize(
    ("said", "status"), [("pass", "pass"), ("warn", "warn"), ("error", "fail"), ("new", "error")]
)
def test_a_source_that_is_too_old_fails_and_what_is_unknown_is_an_error(manifest, said, status):
    assert result_of(judged(said), manifest).status == status


def test_age_and_limit_are_told_in_words(manifest):
    assert "1 minute old" in result_of(judged("pass"), manifest).message
    warns = result_of(judged("warn", 20 * 3600), manifest).message
    assert "20 hours old" in warns
    assert "12 hours" in warns
    fails = result_of(judged("error", 5 * 86_400), manifest).message
    assert "5 days old" in fails
    assert "2 days" in fails


def test_it_is_a_check_of_its_source_with_the_owner_of_the_source(manifest):
    result = result_of(judged("pass"), manifest)
    assert (result.resource_type, result.test_kind, result.model) == (
        "source",
        "freshness",
        "app.events",
    )
    assert (result.owner, result.severity) == ("Product", "error")


def test_a_source_that_can_only_warn_has_that_severity(manifest):
    criteria = {"warn_after": {"count": 1, "period": "minute"}, "error_after": None}
    assert result_of(judged("warn", criteria=criteria), manifest).severity == "warn"


def test_an_empty_table_has_no_age_of_two_thousand_years(manifest):
    entry = judged("error", 6.3e10, max_loaded_at="0001-01-01T00:00:00+00:00")
    assert "no row" in result_of(entry, manifest).message
    (facts,) = freshness_facts({"results": [entry]}, manifest)
    assert (facts.arrived_at, facts.age_hours, facts.arrival) == (None, None, "late")


def test_rows_from_the_future_are_told(manifest):
    assert "in the future" in result_of(judged("pass", -3600.0), manifest).message


def test_a_source_that_could_not_be_judged_says_why_without_a_masked_value(manifest):
    error = "Runtime Error in source events (m.yml)\n  Conversion Error: invalid 'canary-uno'"
    entry = {"unique_id": EVENTS, "status": "runtime error", "error": error}
    result = result_of(entry, manifest)
    assert result.status == "error"
    assert "Conversion Error" in result.message
    assert "canary" not in result.message


def test_a_source_without_a_reason_tells_how_to_read_it(manifest):
    entry = {"unique_id": EVENTS, "status": "runtime error", "error": None}
    assert "--select source:app.events" in result_of(entry, manifest).message


def test_the_facts_hold_age_and_limits_in_hours(manifest):
    (facts,) = freshness_facts({"results": [judged("warn", 20 * 3600)]}, manifest)
    assert (facts.name, facts.status, facts.arrival) == ("app.events", "warn", "late")
    assert (facts.age_hours, facts.warn_after_hours, facts.error_after_hours) == (20, 12, 48)
    assert facts.group == "product"


@pytest.mark.parametrize(
    "content", [{}, {"results": [{"status": "pass"}]}, {"results": [judged("pass", criteria=[1])]}]
)
def test_a_damaged_file_is_named(manifest, content):
    with pytest.raises(DbtCouldNotRun, match=r"sources\.json"):
        freshness_results(content, manifest)
