"""The table of all checks of a build, the content of the artifact `dbt-tests-<domain>`."""

from lakehouse.quality.build_results import NodeResult
from lakehouse.quality.run_facts import RunFacts
from lakehouse.reports.artifacts.markdown import table_value
from lakehouse.reports.checks import OPEN, checked_name, index_of

MOST_ROWS = 500

TestsTableRow = dict[str, str | int | None]


def build_tests_table(facts: RunFacts) -> list[TestsTableRow]:
    """One row for each check, the worst first; at most 500, the last of which says what is cut.

    What to know first stands first, since the cells of the UI do not wrap.
    """
    checks = index_of(facts).checks
    kept = checks if len(checks) <= MOST_ROWS else checks[: MOST_ROWS - 1]
    rows = [_row(facts, check) for check in kept]
    if len(kept) < len(checks):
        nothing: TestsTableRow = dict.fromkeys(rows[0], "")
        cut = f"{len(checks) - len(kept):,} more tests are not shown; none is worse than these."
        rows.append({**nothing, "status": "…", "test": cut, "failing_rows": None})
    return rows


def _row(facts: RunFacts, check: NodeResult) -> TestsTableRow:
    failing = facts.failing_rows.get(check.unique_id)
    since = facts.state(check.unique_id).since
    is_read = check.is_test and check.status in ("warn", "fail")
    about = checked_name(check) if check.model or not check.is_test else ""
    return {
        "status": check.status,
        "failing_rows": failing.total if failing and failing.total else check.failures,
        "since": since.date().isoformat() if since and check.status in OPEN else "",
        "test": table_value(check.name),
        "model": table_value(about),
        "column": table_value(check.column or ""),
        "owner": table_value(check.owner or ""),
        "severity": check.severity or "",
        "relation": table_value(check.relation_name or "") if is_read else "",
    }
