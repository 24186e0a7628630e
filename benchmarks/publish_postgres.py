"""What publishing a table to PostgreSQL costs against psql's copy of a ready CSV.

Run: python -m benchmarks.publish_postgres [--rows 2000000] [--rounds 3]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import psutil
import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy import URL

from benchmarks.measurements import MeasurementError, Spread, ratios, timed
from benchmarks.side_by_side import conclude, in_turns, option_parser

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "integration"))

from servers.postgres import PostgresServer, running_postgres

CHILD = Path(__file__).resolve().with_name("publish_child.py")
# Type of PostgreSQL, and the value in row `range`.
COLUMNS = {
    "id": ("bigint", "range"),
    "order_id": ("text", "'ORD-' || lpad((range * 7919 % 2000000)::varchar, 8, '0')"),
    "store": ("integer", "(range % 97)::integer"),
    "price": ("numeric(12,2)", "((range * 31) % 100000 / 100.0)::decimal(12, 2)"),
    "rate": ("numeric(9,4)", "((range * 17) % 1000 / 1000.0)::decimal(9, 4)"),
    "sold_date": ("date", "date '2020-01-01' + (range % 1500)::integer"),
    "sold_at": ("timestamp", "timestamp '2020-01-01' + to_microseconds(range * 61000123)"),
    "seen_at": (
        "timestamptz",
        "timestamptz '2020-01-01 00:00:00+00' + to_microseconds(range * 61000123)",
    ),
    "is_paid": ("boolean", "range % 3 = 0"),
    "customer": (
        "text",
        "case when range % 11 > 0 then 'customer número ' || (range % 50000) end",
    ),
    "score": ("double precision", "sqrt(range)"),
    "country": ("text", "['AR', 'BR', 'MX', 'CL'][1 + range % 4]"),
}
PSQL, LOADED, PUBLISHED = "psql", "loaded", "published"
LABELS = {
    PSQL: r"psql \copy, ready CSV",
    LOADED: "ours: loading, exact types",
    PUBLISHED: "ours: with verify, analyze, swap",
}
Measured = dict[str, float]


def make_files(folder: Path, rows: int) -> tuple[Path, Path]:
    """A warehouse with `marts.orders`, and the same rows as a CSV that psql reads."""
    warehouse, csv = folder / "measured.duckdb", folder / "orders.csv"
    values = ", ".join(f"{value} as {name}" for name, (_, value) in COLUMNS.items())
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("create schema marts")
        connection.execute(f"create table marts.orders as select {values} from range({rows})")
        connection.execute(f"copy marts.orders to '{csv}' (header false)")
    return warehouse, csv


class Measuring:
    """Loads the same rows into one server, time after time."""

    def __init__(self, server: PostgresServer, folder: Path, rows: int) -> None:
        self.server, self.folder, self.rows = server, folder, rows
        self.url: URL = server.url.set(drivername="postgresql")
        self.warehouse, self.csv = make_files(folder, rows)

    def once(self, name: str) -> dict[str, Measured]:
        """Load by psql, or publish; what each step took."""
        before = self._server_seconds()
        found = self._by_psql() if name == PSQL else self._by_us()
        # The server's own processes are counted when they end, a moment after their client.
        time.sleep(0.5)
        spent = self._server_seconds() - before
        # A load tells itself what its session took; here is what the whole did.
        found[PSQL if name == PSQL else PUBLISHED]["processor_seconds"] += spent
        return found

    def _server_seconds(self) -> float:
        times = psutil.Process(self.server.pid).cpu_times()
        return float(times.children_user + times.children_system)

    def _by_psql(self) -> dict[str, Measured]:
        columns = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
        with psycopg.connect(self.url.render_as_string(hide_password=False)) as session:
            session.execute("drop table if exists public.orders")
            session.execute(f"create table public.orders ({columns})".encode())
        environment = {**os.environ, "PGPASSWORD": str(self.url.password)}
        at = {"host": self.url.host, "port": self.url.port, "database": self.url.database}
        shown = URL.create("postgresql", self.url.username, **at).render_as_string()
        mine = psutil.Process().cpu_times()
        seconds = timed(
            ["psql", shown, "-qXc", rf"\copy public.orders from '{self.csv}' csv"],
            environment=environment,
            folder=self.folder,
            log=self.folder / "psql.log",
        )
        now = psutil.Process().cpu_times()
        used = now.children_user + now.children_system - mine.children_user - mine.children_system
        with psycopg.connect(self.url.render_as_string(hide_password=False)) as session:
            row = session.execute("select count(*) from public.orders").fetchone()
        if row != (self.rows,):
            raise MeasurementError(f"psql loaded {row} of {self.rows} rows")
        return {PSQL: {"seconds": seconds, "processor_seconds": used}}

    def _by_us(self) -> dict[str, Measured]:
        ended = subprocess.run(
            [sys.executable, CHILD, self.warehouse],
            env={**os.environ, "MEASURED_URL": self.url.render_as_string(hide_password=False)},
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise MeasurementError(f"publish_child ended badly:\n{ended.stderr}")
        told: dict[str, Measured] = json.loads(ended.stdout)
        if told[PUBLISHED].pop("rows") != self.rows:
            raise MeasurementError(f"publish_child published other rows than {self.rows}")
        return told


def report(runs: Mapping[str, list[Measured]], rows: int, console: Console) -> None:
    """Seconds and processor seconds of each, and both as ratios to psql's."""
    table = Table(
        *("median (min-max)", "seconds", "x psql", "processor seconds", "x psql", "peak, MB"),
        title=f"{rows:,} rows x {len(COLUMNS)} columns",
    )
    for name, label in LABELS.items():
        cells = []
        for unit in ("seconds", "processor_seconds"):
            ours, theirs = ([run[unit] for run in runs[one]] for one in (name, PSQL))
            cells += [Spread(tuple(ours)).shown(), ratios(ours, theirs).shown()]
        peaks = [run["peak_rss_bytes"] / 1e6 for run in runs[name] if "peak_rss_bytes" in run]
        table.add_row(label, *cells, Spread(tuple(peaks)).shown(0) if peaks else "")
    console.print(table)


def main() -> None:
    """Read the options, start a server, measure in turns."""
    parser = option_parser(__doc__ or "")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--folder", type=Path, help="scratch; default the temporary folder")
    options: argparse.Namespace = parser.parse_args()
    if shutil.which("psql") is None:
        sys.exit("psql is not installed: sudo apt-get install postgresql-client")
    console = Console()
    with TemporaryDirectory(dir=options.folder) as folder, running_postgres() as server:
        measuring = Measuring(server, Path(folder), options.rows)
        # Once unmeasured: what is measured replaces a table that is there.
        measuring.once(PUBLISHED)
        told = in_turns([PSQL, PUBLISHED], options.rounds, measuring.once)
    runs = {
        name: [run[name] for run in told[PSQL if name == PSQL else PUBLISHED]] for name in LABELS
    }
    report(runs, options.rows, console)
    conclude(options, console, runs, "processor seconds: client and server together")


if __name__ == "__main__":
    main()
