"""Make the lake visible in the domain's warehouse."""

from datetime import UTC, datetime

from prefect import task
from prefect.runtime import flow_run

from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.error_ledger import ErrorLedger, write_error_log
from lakehouse.lake.ledger import CurrentBatch
from lakehouse.lake.load_faults import settle_loads
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw as register
from lakehouse.lake.settle_steps import settle_done
from lakehouse.lake.warehouse import warehouse_of
from lakehouse.settings import load_settings
from lakehouse.source_catalog import load_catalog
from tasks.policies import transient_retries


@task(name="register-raw", task_run_name="register {domain}", **transient_retries)
def register_raw(domain: str) -> list[CurrentBatch]:
    """Recover what a dead writer left, settle load errors, write raw views and `etl` tables.

    The flow that calls it is the domain's writer.

    Returns:
        The batches that count now.
    """
    settings = load_settings()
    catalog = load_catalog(settings.project_dir, domain)
    run = flow_run.get_name() or "register"
    lake = RawLake.of(settings)
    engine, now = lake.ledger.engine, datetime.now(UTC)
    settle_loads(catalog, lake.ledger, now)
    warehouse = warehouse_of(settings, domain)
    current = register(catalog, lake, warehouse, run)
    if settle_done(engine, domain, "load", now):
        with open_warehouse(warehouse) as connection:
            write_error_log(connection, engine, domain)
    return current


@task(name="list-findings", task_run_name="findings of {domain}", **transient_retries)
def list_findings(domain: str) -> list[str]:
    """What is still open at the border: refused or missing files, tables that never got one."""
    return open_findings(domain)


def open_findings(domain: str) -> list[str]:
    """The same, for those who are in a task already."""
    settings = load_settings()
    lake = RawLake.of(settings)
    found: list[str] = []
    for table in load_catalog(settings.project_dir, domain).tables:
        deliveries = lake.ledger.newest_deliveries(table).values()
        found += [
            f"{table.full_name}: {delivery.file_name} is in quarantine: {delivery.reason}"
            for delivery in lake.ledger.open_quarantine(table)
        ]
        if all(delivery.status == "quarantined" for delivery in deliveries):
            found.append(f"{table.full_name}: no file has been loaded yet")
    found += [
        f"{error.table_name}: {error.error_message}"
        for error in ErrorLedger(lake.ledger.engine).open_errors(domain)
        if error.error_type == "file_missing"
    ]
    return found
