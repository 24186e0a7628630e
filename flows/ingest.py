"""ingest(domain): every table of the domain's sources into RAW, then visible in the warehouse."""

from collections.abc import Sequence
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.task_runners import ThreadPoolTaskRunner

from flows.run_states import explained, only_writer, succeeded
from lakehouse.errors import AljibeError
from lakehouse.lake.pending_files import TableFiles
from lakehouse.settings import load_settings
from lakehouse.source_catalog import Table, load_catalog
from lakehouse.table_load import TableLoad, ingest_summary
from tasks.extract_files import extract_files, find_table_files
from tasks.register_raw import list_findings, register_raw


@flow(name="ingest", flow_run_name="ingest-{domain}")
def ingest(domain: str) -> State[Any]:
    """Load what is new in the sources of a domain.

    Args:
        domain: folder name below `dbt/models/`, such as `pharma_latam`.

    Returns:
        Completed, CompletedWithWarnings (rows refused, files in quarantine or not complete, tables
        without any delivery) or Failed; its data are the `TableLoad` of each table.
    """
    try:
        settings = load_settings()
        tables = load_catalog(settings.project_dir, domain).tables
        loads = _load_tables(domain, tables, settings.extract_workers)
        with only_writer(settings, domain):
            register_raw(domain)
        findings = [finding for load in loads for finding in load.findings]
        findings += list_findings(domain)
    except AljibeError as error:
        return explained(error)
    return succeeded(ingest_summary(loads), findings, [load.to_dict() for load in loads])


def _load_tables(domain: str, tables: tuple[Table, ...], workers: int) -> list[TableLoad]:
    """Find and load the tables side by side; every table ends before the first error is raised."""
    runner: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=workers)
    with runner:
        found = [runner.submit(find_table_files, parameters=_of(domain, table)) for table in tables]
        listed = [future.result() for future in _ended(found)]
        loading = [
            runner.submit(
                # A hit of the cache is the content of some earlier day; the ledger knows better.
                extract_files.with_options(refresh_cache=TableFiles.from_dict(files).has_work),
                parameters={**_of(domain, table), "files": files},
            )
            for table, files in zip(tables, listed, strict=True)
        ]
        return [
            _load(future, table, files)
            for future, table, files in zip(_ended(loading), tables, listed, strict=True)
        ]


def _ended(futures: Sequence[PrefectFuture[Any]]) -> Sequence[PrefectFuture[Any]]:
    for future in futures:
        future.wait()
    return futures


def _load(future: PrefectFuture[Any], table: Table, files: dict[str, Any]) -> TableLoad:
    if future.state.name != "Cached":
        return TableLoad.from_dict(future.result())
    # What a hit returns is the load of some earlier day.
    load = TableLoad(
        table.source,
        table.name,
        files_found=len(files["files"]),
        moving=tuple(files["moving"]),
        unusable=tuple(files["unusable"]),
        cached=True,
    )
    get_run_logger().info("%s: %s", table.full_name, load.summary)
    return load


def _of(domain: str, table: Table) -> dict[str, str]:
    return {"domain": domain, "source": table.source, "table": table.name}
