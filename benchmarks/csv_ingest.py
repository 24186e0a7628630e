"""What our ingest of a large CSV costs against plain DuckDB: wall time and memory.

Run: python -m benchmarks.csv_ingest [--gigabytes 2] [--rounds 3] [--folder DIR] [--json FILE]
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.csv_load_child import LOADERS
from benchmarks.measurements import (
    MeasurementError,
    Spread,
    machine,
    ratios,
    timed,
    write_json,
)

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_ROWS = 100_000
# The file itself, a staged copy or the two Parquet files, and room to breathe.
SCRATCH_PER_BYTE = 2.0

ROWS_SQL = """
select
  printf('%09d', i) as id,
  'C' || printf('%07d', (i * 7919) % 3000000) as customer,
  ['Bogotá', 'Ciudad de México', 'São Paulo', 'Santiago', 'Buenos Aires'][1 + i % 5] as city,
  'SKU-' || printf('%05d', (i * 104729) % 20000) as product,
  strftime(timestamp '2024-01-01' + to_seconds(i * 3), '%Y-%m-%d %H:%M:%S') as ordered_at,
  cast(1 + i % 12 as varchar) as quantity,
  printf('%.2f', ((i * 31) % 1000000) / 100) as price,
  case when i % 10 = 0 then 'fragile, call before delivery' else 'delivered at the counter' end
    || ' ' || printf('%06x', (i * 48271) % 16777216) as note
from range({rows}) as t(i)
"""


def write_csv(path: Path, rows: int) -> None:
    """Write `rows` generated orders, 8 text columns, as UTF-8 CSV with a header."""
    with duckdb.connect() as session:
        session.execute(f"copy ({ROWS_SQL.format(rows=rows)}) to '{path}' (format csv, header)")


def rows_for(size_bytes: float, folder: Path) -> int:
    """How many rows make a file of about this size, judged by a small sample."""
    sample = folder / "sample.csv"
    write_csv(sample, SAMPLE_ROWS)
    bytes_per_row = sample.stat().st_size / SAMPLE_ROWS
    sample.unlink()
    return max(1, round(size_bytes / bytes_per_row))


def load_once(loader: str, csv: Path, folder: Path, threads: int, rows: int) -> dict[str, float]:
    """Load the file in a new process into a new folder, which is removed afterwards.

    Returns:
        rows, seconds of the load, peak_rss_bytes.

    Raises:
        MeasurementError: the process failed, or loaded another number of rows.
    """
    target = folder / loader
    target.mkdir()
    answer = folder / f"{loader}.json"
    what = [loader, csv, target, answer]
    try:
        timed(
            [sys.executable, "-m", "benchmarks.csv_load_child", *what, f"--threads={threads}"],
            environment=os.environ,
            folder=ROOT,
            log=folder / f"{loader}.log",
        )
    finally:
        shutil.rmtree(target)
    told: dict[str, float] = json.loads(answer.read_text("utf-8"))
    if told["rows"] != rows:
        raise MeasurementError(f"{loader} loaded {told['rows']} of {rows} rows")
    return told


def report(measured: dict[str, list[dict[str, float]]], title: str, console: Console) -> None:
    """Show seconds, ratio to plain DuckDB and peak memory."""
    table = Table("median (min-max)", "seconds", "x DuckDB", "peak memory, MB", title=title)
    seconds = {name: [run["seconds"] for run in runs] for name, runs in measured.items()}
    for name, runs in measured.items():
        memory = Spread(tuple(run["peak_rss_bytes"] / 1e6 for run in runs))
        ratio = ratios(seconds[name], seconds["duckdb"])
        label = {"duckdb": "plain DuckDB COPY", "aljibe": "our ingest"}[name]
        table.add_row(label, Spread(tuple(seconds[name])).shown(), ratio.shown(), memory.shown(0))
    console.print(table)


def main() -> None:
    """Read the options, check the disk, generate the file, measure in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="scratch; default the temporary folder")
    parser.add_argument("--json", type=Path, help="write every measurement to this file")
    options = parser.parse_args()
    console = Console()
    size = options.gigabytes * 1e9
    with TemporaryDirectory(prefix="aljibe-csv-ingest-", dir=options.folder) as name:
        folder = Path(name)
        needed, free = size * SCRATCH_PER_BYTE, shutil.disk_usage(folder).free
        if free < needed:
            raise SystemExit(
                f"{folder.parent} has {free / 1e9:.1f} GB free, this needs {needed / 1e9:.1f}: "
                "choose another with --folder, or a smaller --gigabytes"
            )
        landing = folder / "landing"
        landing.mkdir()
        rows = rows_for(size, folder)
        csv = landing / "orders.csv"
        write_csv(csv, rows)
        title = f"CSV of {csv.stat().st_size / 1e9:.2f} GB, {rows:,} rows x 8 text columns"
        measured: dict[str, list[dict[str, float]]] = {loader: [] for loader in LOADERS}
        for number in range(options.rounds):
            turns = list(LOADERS) if number % 2 == 0 else list(reversed(LOADERS))
            for loader in turns:
                told = load_once(loader, csv, folder, options.threads, rows)
                measured[loader].append(told)
    report(measured, title, console)
    console.print(f"{machine()}; {options.rounds} rounds, in turns; {options.threads} threads")
    if options.json:
        write_json(options.json, {"machine": machine(), "rows": rows, "runs": measured})


if __name__ == "__main__":
    main()
