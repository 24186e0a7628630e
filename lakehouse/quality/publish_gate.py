"""Warnings beyond their budget: they stop a publication as errors do."""

from datetime import UTC, datetime

from sqlalchemy import Engine

from lakehouse.errors import PublishRefused
from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.warehouse import Warehouse
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.quality.incidents import open_since
from lakehouse.quality.model_sizes import rows_tested
from lakehouse.quality.warn_budget import breach_text, declared_budget, find_breach
from lakehouse.transform.build_history import BuildHistory

_MOST_NAMED = 5


def refuse_beyond_budget(
    domain: str, manifest: Manifest, engine: Engine, warehouse: Warehouse
) -> None:
    """Refuse a publication while the newest result of a test is beyond its warn budget.

    The days are counted to now, so that a warning that nobody minds stops a later publication
    even if no row changed.

    Raises:
        PublishRefused: naming the tests, what was found and what is allowed.
        WarnBudgetInvalid: a budget cannot be used.
        WarehouseUnusable: another process has the warehouse open.
    """
    budgets = {
        unique_id: budget
        for unique_id, test in manifest.data_tests()
        if (budget := declared_budget(test))
    }
    if not budgets:
        return
    newest = BuildHistory(engine).newest_results(domain, budgets)
    warning = {test: one for test, one in newest.items() if one.status == "warn"}
    shares = [test for test in warning if budgets[test].share is not None]
    rows: dict[str, int] = {}
    if shares:
        with open_warehouse(warehouse, read_only=True) as connection:
            rows = rows_tested(connection, manifest, shares)
    now = datetime.now(UTC)
    since = open_since(engine, domain)
    found = []
    for test, standing in warning.items():
        opened = since.get(test)
        breach = find_breach(
            budgets[test],
            failing_rows=standing.failing_rows,
            model_rows=rows.get(test),
            days_open=(now - opened).days if opened else 0,
        )
        if breach:
            found.append(f"{standing.name} ({breach_text(breach)})")
    if found:
        more = len(found) - _MOST_NAMED
        named = ", ".join(sorted(found)[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        raise PublishRefused(
            f"{domain} is not published: tests warn beyond their budget: {named}. Readers keep "
            "the last good state. Correct the rows, or raise warn_budget of the test."
        )
