"""Every table of a domain into RAW, side by side, each by the tasks of its connector."""

from collections.abc import Callable, Sequence
from typing import Any

from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.task_runners import ThreadPoolTaskRunner

from lakehouse.lake.pending_files import TableFiles
from lakehouse.source_catalog import Table
from lakehouse.table_load import TableLoad
from tasks.extract_api import extract_api
from tasks.extract_database import extract_database
from tasks.extract_files import extract_files, find_table_files

FILES = ("files", "sftp")
Runner = ThreadPoolTaskRunner[Any]
Loads = Callable[[], list[TableLoad]]


def load_tables(domain: str, tables: Sequence[Table], workers: int) -> list[TableLoad]:
    """Load the tables; every one ends before the first error is raised.

    Args:
        domain: whose tables they are.
        tables: with their connectors.
        workers: tables, or databases, at the same time.
    """
    runner: Runner = ThreadPoolTaskRunner(max_workers=workers)
    with runner:
        # Databases and APIs first: they wait for others more than they compute.
        begun = [
            _databases(runner, domain, tables),
            _apis(runner, domain, [table for table in tables if table.connector == "api"]),
            _files(runner, domain, [table for table in tables if table.connector in FILES]),
        ]
        loads, faults = [], []
        # Files first: they were only listed so far.
        for collect in reversed(begun):
            try:
                loads += collect()
            except Exception as fault:  # noqa: BLE001 - raised below, when every table has ended
                faults.append(fault)
    if faults:
        raise faults[-1]
    order = {(table.source, table.name): place for place, table in enumerate(tables)}
    return sorted(loads, key=lambda load: order[load.source, load.table])


def _databases(runner: Runner, domain: str, tables: Sequence[Table]) -> Loads:
    sources = dict.fromkeys(table.source for table in tables if table.connector == "database")
    reading = [
        runner.submit(extract_database, parameters={"domain": domain, "source": source})
        for source in sources
    ]

    def collect() -> list[TableLoad]:
        return [TableLoad.from_dict(load) for future in _ended(reading) for load in future.result()]

    return collect


def _apis(runner: Runner, domain: str, tables: Sequence[Table]) -> Loads:
    asking = [runner.submit(extract_api, parameters=_of(domain, table)) for table in tables]

    def collect() -> list[TableLoad]:
        return [TableLoad.from_dict(future.result()) for future in _ended(asking)]

    return collect


def _files(runner: Runner, domain: str, tables: Sequence[Table]) -> Loads:
    finding = [runner.submit(find_table_files, parameters=_of(domain, table)) for table in tables]

    def collect() -> list[TableLoad]:
        listed = [
            (table, future.result())
            for table, future in zip(tables, _ended(finding), strict=True)
            if future.state.is_completed()
        ]
        loading = [
            runner.submit(
                # A hit of the cache is the content of some earlier day; the ledger knows better.
                extract_files.with_options(refresh_cache=TableFiles.from_dict(files).has_work),
                parameters={**_of(domain, table), "files": files},
            )
            for table, files in listed
        ]
        _ended(loading)
        for future in finding:
            future.result()
        return [
            _load_of_files(future, table, files)
            for future, (table, files) in zip(loading, listed, strict=True)
        ]

    return collect


def _ended(futures: Sequence[PrefectFuture[Any]]) -> Sequence[PrefectFuture[Any]]:
    for future in futures:
        future.wait()
    return futures


def _load_of_files(future: PrefectFuture[Any], table: Table, files: dict[str, Any]) -> TableLoad:
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
