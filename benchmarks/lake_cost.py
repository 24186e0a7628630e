"""What the target lake costs against a DuckDB file: a dbt build, and plain SQL on many rows.

Run: python -m benchmarks.lake_cost [--domain pharma_latam] [--rows 2000000] [--rounds 3]
"""

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy import URL

from benchmarks.measurements import MeasurementError, Spread, ratios
from benchmarks.publish_postgres import COLUMNS
from benchmarks.side_by_side import conclude, in_turns, option_parser
from lakehouse.errors import WarehouseMissing
from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.lake_warehouse import LakeWarehouse
from lakehouse.lake.warehouse import Warehouse
from lakehouse.quality.dbt_results import read_results
from lakehouse.settings import Settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "integration"))

from servers.postgres import PostgresServer, running_postgres
from servers.two_targets import TwoTargets, contents, run

FILE, FILE_OF_ONE, LAKE = "file", "file, 1 thread", "lake"
STEPS = {
    "write": "create or replace table marts.orders as select {columns} from range({rows})",
    "scan": "select store, sum(price), count(distinct customer) from marts.orders group by all",
    "change": "update marts.orders set price = price + 1 where id % 10 = 0",
    "point": "select * from marts.orders where id = {rows} / 2",
}
SMALL = 20
Measured = dict[str, float]


class Measuring:
    """Builds a domain and runs the same SQL, in a file and in a lake, time after time."""

    def __init__(self, server: PostgresServer, folder: Path, domain: str, rows: int) -> None:
        self.rows, self.folder = rows, folder
        self.targets = TwoTargets.of(folder / "built", _database(server, "built"), domain)
        write_sample(self.targets)
        self.targets.load()
        self.plain = TwoTargets.of(folder / "plain", _database(server, "plain"), domain)

    def build_once(self, name: str) -> Measured:
        """One `dbt build` of the domain, as a child process, parsed before."""
        settings = self._settings(self.targets, name)
        threads = {} if name != FILE_OF_ONE else {"threads": 1}
        self.targets.register(settings)
        build = self.targets.dbt_build(settings, **threads)
        build = replace(build, target_path=self.folder / "target" / name.replace(", ", "-"))
        began = time.perf_counter()
        run(build)
        seconds = time.perf_counter() - began
        results = read_results(build.target_path)
        if results.blocking:
            raise MeasurementError(f"{name}: {[one.unique_id for one in results.blocking]}")
        return {"seconds": seconds, "nodes": float(len(results.nodes))}

    def sql_once(self, name: str) -> Measured:
        """Each step in a connection of its own, as tasks have it."""
        warehouse = self.plain.warehouse(self._settings(self.plain, name))
        forget(warehouse)
        seconds = {"open": _seconds(lambda: _run(warehouse, "select 1"))}
        _run(warehouse, "create schema marts")
        columns = ", ".join(f"{value} as {column}" for column, (_, value) in COLUMNS.items())
        for step, sql in STEPS.items():
            statement = sql.format(columns=columns, rows=self.rows)
            seconds[step] = _seconds(lambda statement=statement: _run(warehouse, statement))
        small = [f"create or replace table marts.t{at} as select 1 as a" for at in range(SMALL)]
        seconds["small"] = _seconds(lambda: _run(warehouse, *small)) / SMALL
        return {**seconds, "megabytes": _bytes(warehouse) / 1e6}

    def check(self) -> None:
        """Both targets hold the same."""
        built = [
            contents(self.targets.warehouse(one))
            for one in (self.targets.embedded, self.targets.lake)
        ]
        if built[0] != built[1]:
            raise MeasurementError("file and lake do not hold the same rows")

    def _settings(self, targets: TwoTargets, name: str) -> Settings:
        return targets.lake if name == LAKE else targets.embedded


def write_sample(targets: TwoTargets) -> None:
    """The demo's data of the domain."""
    from demo import domains  # noqa: PLC0415

    known = {one.name: one for one in vars(domains).values() if isinstance(one, domains.DemoDomain)}
    known[targets.domain].write(targets.embedded, 1)


def forget(warehouse: Warehouse) -> None:
    """Start from an empty warehouse."""
    if isinstance(warehouse, Path):
        warehouse.unlink(missing_ok=True)
        warehouse.parent.mkdir(parents=True, exist_ok=True)
        return
    url = warehouse.catalog.get_secret_value()
    with psycopg.connect(url) as session:
        session.execute(f'drop schema if exists "{warehouse.metadata_schema}" cascade'.encode())
    with suppress(FileNotFoundError):
        shutil.rmtree(warehouse.data)
    with suppress(WarehouseMissing), open_warehouse(warehouse):
        pass


def _run(warehouse: Warehouse, *statements: str) -> None:
    with open_warehouse(warehouse) as connection:
        connection.execute("set threads = 2")
        for statement in statements:
            connection.execute(statement).fetchall()


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _bytes(warehouse: Warehouse) -> int:
    if isinstance(warehouse, LakeWarehouse):
        return sum(path.stat().st_size for path in Path(warehouse.data).rglob("*.parquet"))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("checkpoint")
    return warehouse.stat().st_size


def _database(server: PostgresServer, name: str) -> URL:
    url = server.url.set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as session:
        session.execute(f"create database {name}".encode())
    return url.set(database=name)


def report(
    builds: Mapping[str, list[Measured]], sql: Mapping[str, list[Measured]], console: Console
) -> None:
    """Seconds of each, and as ratios to the file."""
    nodes = int(builds[FILE][0]["nodes"])
    table = Table("median (min-max)", "seconds", "x file", title=f"dbt build, {nodes} nodes")
    seconds = {name: [one["seconds"] for one in told] for name, told in builds.items()}
    for name, ours in seconds.items():
        table.add_row(name, Spread(tuple(ours)).shown(), ratios(ours, seconds[FILE]).shown())
    console.print(table)
    table = Table("median (min-max)", FILE, LAKE, "x file", title="the same SQL")
    for step in ("open", *STEPS, "small", "megabytes"):
        file, lake = ([one[step] for one in sql[name]] for name in (FILE, LAKE))
        table.add_row(
            step,
            Spread(tuple(file)).shown(3),
            Spread(tuple(lake)).shown(3),
            ratios(lake, file).shown(),
        )
    console.print(table)


def main() -> None:
    """Read the options, start a server, measure in turns."""
    parser = option_parser(__doc__ or "")
    parser.add_argument("--domain", default="pharma_latam", help="one that is loaded from files")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--folder", type=Path, help="scratch; default the temporary folder")
    options = parser.parse_args()
    console = Console()
    with TemporaryDirectory(dir=options.folder) as folder, running_postgres() as server:
        measuring = Measuring(server, Path(folder), options.domain, options.rows)
        # Once unmeasured: dbt parses, and every table is there.
        for name in (FILE, FILE_OF_ONE, LAKE):
            measuring.build_once(name)
        builds = in_turns([FILE, FILE_OF_ONE, LAKE], options.rounds, measuring.build_once)
        measuring.check()
        sql = in_turns([FILE, LAKE], options.rounds, measuring.sql_once)
    report(builds, sql, console)
    conclude(options, console, {"builds": builds, "sql": sql}, "the catalog on this machine")


if __name__ == "__main__":
    main()
