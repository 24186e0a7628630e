"""The table of all tests of a build, the content of the artifact `dbt-tests-<domain>`."""

from collections.abc import Mapping
from datetime import date

from lakehouse.quality.build_results import BuildResults, NodeResult, worst_first
from lakehouse.quality.failing_rows import FailingRows

MOST_ROWS = 500

TestsTableRow = dict[str, str | int | None]


def build_tests_table(
    results: BuildResults,
    *,
    failing_rows: Mapping[str, FailingRows] | None = None,
    since: Mapping[str, date] | None = None,
) -> list[TestsTableRow]:
    """One row for each test, the worst first; at most 500, the last of which says what is cut.

    Args:
        results: the build.
        failing_rows: rows read for each test, by unique id; else dbt's own counts are shown.
        since: first day of what is open, by unique id.
    """
    tests = worst_first(results.tests)
    kept = tests if len(tests) <= MOST_ROWS else tests[: MOST_ROWS - 1]
    rows = [
        _row(
            test,
            (failing_rows or {}).get(test.unique_id),
            (since or {}).get(test.unique_id),
        )
        for test in kept
    ]
    if len(kept) < len(tests):
        nothing = dict.fromkeys(("column", "severity", "status", "since", "owner", "relation"), "")
        cut = f"{len(tests) - len(kept):,} more tests are not shown; none is worse than these."
        rows.append(
            {"model": "…", "column": "", "test": cut, **nothing, "failing_rows": None},
        )
    return rows


def _row(test: NodeResult, failing: FailingRows | None, since: date | None) -> TestsTableRow:
    is_open = test.status in ("warn", "fail")
    count = failing.total if failing and failing.total else test.failures
    return {
        "model": test.model or "",
        "column": test.column or "",
        "test": test.name,
        "severity": test.severity or "",
        "status": test.status,
        "failing_rows": count,
        "since": since.isoformat() if since else "",
        "owner": test.owner or "",
        "relation": (test.relation_name or "") if is_open else "",
    }
