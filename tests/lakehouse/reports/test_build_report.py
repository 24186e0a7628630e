import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from lakehouse.quality.failing_rows import FailingRows
from lakehouse.reports.build_report import BuildContext, IngestLine, build_markdown
from lakehouse.reports.test_page import build_test_page
from lakehouse.reports.tests_table import build_tests_table

STARTED = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


def report(results, **context):
    return build_markdown(
        "pharma_latam", results, context=BuildContext(started_at=STARTED, **context)
    )


def test_a_good_build_says_first_that_the_data_can_be_used(make_build, make_model, make_test):
    lines = report(make_build(make_model(), make_test(status="pass"))).splitlines()
    assert lines[0] == "# pharma_latam"
    assert lines[2] == "**You can use today's data.**"
    assert "1 model built, 1 test passed" in lines
    assert "2 pass · 0 warn · 0 fail · 0 error · 0 skipped · 2.5 s · dbt 1.11.0" in lines


def test_a_warning_names_the_test_its_rows_and_its_page(make_build, make_model, make_test):
    made = report(
        make_build(make_model(), make_test()),
        failing_rows={"test.p.unique_stg_id": FailingRows(total=2)},
    )
    assert "**You can use today's data, with 1 warning.**" in made
    assert "1 of 1 test warns: unique_stg_id (2 rows)" in made
    assert (
        "| warn | `stg.id` | `unique_stg_id` | 2 rows |  |  | "
        "`dbt-test-pharma-latam-unique-stg-id` |"
    ) in made


def test_a_failed_build_says_what_was_skipped_and_why(make_build, make_model, make_test):
    made = report(
        make_build(
            make_test(status="fail", severity="error"),
            make_model(name="fct", status="skipped", blocked_by=("unique_stg_id",), rows=None),
            make_model(name="bad", status="error", message="Binder Error: <b>no</b>"),
        )
    )
    assert "**Do not use today's data: the build failed.**" in made
    assert "- `fct` because of `unique_stg_id`" in made
    assert "- `bad`: Binder Error: &lt;b&gt;no&lt;/b&gt;" in made


def test_a_build_that_was_not_needed_gives_the_verdict_of_the_last_one(make_build, make_model):
    local = timezone(timedelta(hours=-3))
    made = report(
        make_build(make_model()), skipped_build_of=datetime(2026, 11, 20, 3, 3, tzinfo=local)
    )
    assert "dbt did not run again: this is the verdict of the build of 2026-11-20 06:03 UTC" in made


def test_findings_ingest_and_publish_are_told(make_build, make_model):
    made = report(
        make_build(make_model()),
        flow_run_name="brave-fox",
        findings=("ventas_bra.csv is in quarantine",),
        ingest=(IngestLine("pharma.ventas_bra", delivered=8916, loaded=8913, rejected=3),),
        publish="fct_ventas_latam: 21,392 rows",
    )
    assert "with 1 finding." in made
    assert "Run brave-fox, started 2026-11-21 06:00 UTC." in made
    assert "- ventas_bra.csv is in quarantine" in made
    assert "| `pharma.ventas_bra` | 8,916 | 8,913 | 3 | 0 |" in made
    assert "fct_ventas_latam: 21,392 rows" in made


@pytest.mark.parametrize(
    ("before", "now", "line"),
    [
        ("pass", "warn", "- **NEW** (1): `unique_stg_id`"),
        ("warn", "warn", "- **STILL** (1): `unique_stg_id`"),
        ("warn", "pass", "- **FIXED** (1): `unique_stg_id`"),
        ("warn", "skipped", "- **NOT CHECKED** (1): `unique_stg_id`"),
        ("pass", "pass", "- Nothing changed."),
    ],
)
def test_changes_since_the_last_run_are_told(make_build, make_test, before, now, line):
    previous = make_build(make_test(status=before))
    assert line in report(make_build(make_test(status=now)), previous=previous).splitlines()


def test_sixty_models_are_listed_and_the_rest_counted(make_build, make_model):
    models = [make_model(name=f"m{at:03}", seconds=float(at)) for at in range(75)]
    made = report(make_build(*models, make_model(name="broken", status="error", rows=None)))
    listed = [line for line in made.splitlines() if "| model |" in line and "---" not in line]
    assert len([line for line in listed if not line.startswith("| model")]) == 60
    assert listed[1].startswith("| `broken` | model | error |")
    assert "| `m074` | model | pass | 1,200 | 74.00 |" in made
    assert "… and 16 more models." in made


def test_three_hundred_tests_are_rendered_within_a_second(make_build, make_model, make_test):
    rows = tuple({"_source_file": "f.csv", "_source_line": at, "v": "a|b" * 9} for at in range(50))
    failing = FailingRows(("_source_file", "_source_line", "v"), rows, 50, 50, True, "", ("v",))
    tests = [make_test(name=f"unique_{at}") for at in range(300)]
    results = make_build(make_model(), *tests)
    context = BuildContext(
        started_at=STARTED,
        previous=replace(results, invocation_id="run-0"),
        failing_rows={test.unique_id: failing for test in tests},
    )
    started = time.monotonic()
    build_markdown("olist", results, context=context)
    build_tests_table(results, failing_rows=context.failing_rows)
    pages = [build_test_page(test, failing) for test in tests]
    assert time.monotonic() - started < 2
    assert all(pages)
