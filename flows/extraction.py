"""Every table of a domain into RAW, side by side, each by the tasks of its connector."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.task_runners import ThreadPoolTaskRunner

from lakehouse.faults import Fault, fault_of
from lakehouse.lake.pending_files import TableFiles
from lakehouse.source_catalog import Table
from lakehouse.table_load import TableLoad
from tasks.extract_api import extract_api
from tasks.extract_database import extract_database
from tasks.extract_files import extract_files, find_table_files

# A look at a folder waits for new files to rest, and hardly works meanwhile. An OpenSSH server
# takes ten logins at once, those of loads and of others among them.
_LOOKS_AT_ONCE = {"files": 16, "sftp": 6}
Runner = ThreadPoolTaskRunner[Any]
Named = tuple[str, PrefectFuture[Any]]
"""The task of a table, or of a source."""
Broken = list[tuple[str, Exception]]
"""What could not be read, a table or a source, and why."""
Loads = Callable[[Broken], list[TableLoad]]


@dataclass(frozen=True)
class Extraction:
    """What an ingest brought, and what it could not read.

    Attributes:
        loads: of each table that could be read, in the order of the declarations.
        faults: one for each table that could not, or for its source, and those of single files.
        error: the last error that kept a table from being read.
        run_ids: of the flow runs that loaded for it, where they were others.
    """

    loads: tuple[TableLoad, ...]
    faults: tuple[Fault, ...] = ()
    error: Exception | None = None
    run_ids: tuple[str, ...] = ()

    @property
    def read(self) -> list[str]:
        """`source.table` of each table that could be read."""
        return [f"{load.source}.{load.table}" for load in self.loads]


def load_tables(
    domain: str, tables: Sequence[Table], workers: int, window: str | None = None
) -> Extraction:
    """Load the tables; every one is tried, whatever became of the others.

    Args:
        domain: whose tables they are.
        tables: with their connectors; those of a database are all of its tables.
        workers: tables, or databases, at the same time.
        window: in which a database is read once; default the flow run.
    """
    runner: Runner = ThreadPoolTaskRunner(max_workers=workers)
    looks: dict[str, Runner] = {
        connector: ThreadPoolTaskRunner(max_workers=max(workers, at_once))
        for connector, at_once in _LOOKS_AT_ONCE.items()
    }
    with looks["files"], looks["sftp"], runner:
        # Databases and APIs first: they wait for others more than they compute.
        begun = [
            _databases(runner, domain, tables, window),
            _apis(runner, domain, [table for table in tables if table.connector == "api"]),
            _files(looks, runner, domain, [table for table in tables if table.connector in looks]),
        ]
        broken: Broken = []
        # Files first: they were only listed so far.
        loads = [load for collect in reversed(begun) for load in collect(broken)]
    order = {(table.source, table.name): place for place, table in enumerate(tables)}
    faults = [fault_of("extract", name, error) for name, error in broken]
    faults += [fault for load in loads for fault in load.faults]
    return Extraction(
        tuple(sorted(loads, key=lambda load: order[load.source, load.table])),
        tuple(faults),
        broken[-1][1] if broken else None,
    )


def _databases(runner: Runner, domain: str, tables: Sequence[Table], window: str | None) -> Loads:
    sources = dict.fromkeys(table.source for table in tables if table.connector == "database")
    asked = {"domain": domain, "refresh": window}
    reading = [
        (source, runner.submit(extract_database, parameters={**asked, "source": source}))
        for source in sources
    ]

    def collect(broken: Broken) -> list[TableLoad]:
        done = _ended_well(reading, broken)
        return [TableLoad.from_dict(load) for _, future in done for load in future.result()]

    return collect


def _apis(runner: Runner, domain: str, tables: Sequence[Table]) -> Loads:
    asking = [
        (table.full_name, runner.submit(extract_api, parameters=_of(domain, table)))
        for table in tables
    ]

    def collect(broken: Broken) -> list[TableLoad]:
        return [TableLoad.from_dict(future.result()) for _, future in _ended_well(asking, broken)]

    return collect


def _files(
    looks: Mapping[str, Runner], runner: Runner, domain: str, tables: Sequence[Table]
) -> Loads:
    declared = {table.full_name: table for table in tables}
    finding = [
        (name, looks[table.connector].submit(find_table_files, parameters=_of(domain, table)))
        for name, table in declared.items()
    ]

    def collect(broken: Broken) -> list[TableLoad]:
        listed: dict[str, dict[str, Any]] = {}
        loading: list[Named] = []
        for name, found in _ended_well(finding, broken):
            files = listed[name] = found.result()
            # A hit of the cache is the content of an earlier day; the ledger knows better.
            load = extract_files.with_options(refresh_cache=TableFiles.from_dict(files).has_work)
            parameters = {**_of(domain, declared[name]), "files": files}
            loading.append((name, runner.submit(load, parameters=parameters)))
        return [
            _load_of_files(future, declared[name], listed[name])
            for name, future in _ended_well(loading, broken)
        ]

    return collect


def _ended_well(futures: Sequence[Named], broken: Broken) -> Iterator[Named]:
    """Wait for one after another; those that did not end well go to `broken` with their errors."""
    for name, future in futures:
        future.wait()
        try:
            future.result()
        except Exception as error:  # noqa: BLE001 - the caller raises it, when all is recorded
            broken.append((name, error))
        else:
            yield name, future


def _load_of_files(future: PrefectFuture[Any], table: Table, files: dict[str, Any]) -> TableLoad:
    if future.state.name != "Cached":
        return TableLoad.from_dict(future.result())
    # What a hit returns is the load of some earlier day.
    load = TableLoad.of_listing(table, TableFiles.from_dict(files), cached=True)
    get_run_logger().info("%s: %s", table.full_name, load.summary)
    return load


def _of(domain: str, table: Table) -> dict[str, str]:
    return {"domain": domain, "source": table.source, "table": table.name}
