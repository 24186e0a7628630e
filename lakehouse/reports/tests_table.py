"""The table of all checks of a build, the content of the artifact `dbt-tests-<domain>`."""

from lakehouse.quality.build_results import NodeResult
from lakehouse.quality.run_facts import RunFacts
from lakehouse.reports.checks import OPEN, checked_name, index_of

MOST_ROWS = 500

TestsTableRow = dict[str, str | int | None]


def build_tests_table(facts: RunFacts) -> list[TestsTableRow]:
    """One row for each check, the worst first; at most 500, the last of which says what is cut."""
    checks = index_of(facts).checks
    kept = checks if len(checks) <= MOST_ROWS else checks[: MOST_ROWS - 1]
    rows = [_row(facts, check) for check in kept]
    if len(kept) < len(checks):
        nothing = dict.fromkeys(("column", "severity", "status", "since", "owner", "relation"), "")
        cut = f"{len(checks) - len(kept):,} more tests are not shown; none is worse than these."
        rows.append({"model": "…", "column": "", "test": cut, **nothing, "failing_rows": None})
    return rows


def _row(facts: RunFacts, check: NodeResult) -> TestsTableRow:
    failing = facts.failing_rows.get(check.unique_id)
    since = facts.state(check.unique_id).since
    is_read = check.is_test and check.status in ("warn", "fail")
    return {
        "model": checked_name(check) if check.model or not check.is_test else "",
        "column": check.column or "",
        "test": check.name,
        "severity": check.severity or "",
        "status": check.status,
        "failing_rows": failing.total if failing and failing.total else check.failures,
        "since": since.date().isoformat() if since and check.status in OPEN else "",
        "owner": check.owner or "",
        "relation": (check.relation_name or "") if is_read else "",
    }
