"""What our ingest of a large JSON file costs against plain DuckDB and pandas: time and memory.

Run: python -m benchmarks.json_ingest [--megabytes 200] [--rounds 3] [--folder DIR] [--json FILE]
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

from benchmarks.json_load_child import LOADERS
from benchmarks.measurements import (
    MeasurementError,
    Spread,
    machine,
    ratios,
    timed,
    write_json,
)

ROOT = Path(__file__).resolve().parent.parent
BYTES_PER_RECORD = 364
SHAPES = {"array": "shipments.json", "lines": "shipments.ndjson"}

# Shipments as techstore's courier sends them, with one or two events each.
RECORDS_SQL = """
select
  'ENV-' || printf('%07d', i) as envio_id,
  i % 500000 as pedido_id,
  ['Andreani', 'OCA', 'Correo Argentino', 'Via Cargo'][1 + i % 4] as courier,
  'TRK' || printf('%012d', i * 7919) as tracking_code,
  ['Rosario', 'Córdoba', 'Mendoza'][1 + i % 3] as destino_ciudad,
  round((i % 1000) / 37, 2) as peso_kg,
  round((i % 100000) / 100, 2) as costo_envio,
  'entregado' as estado_actual,
  strftime(date '2024-01-01' + (i % 700)::int, '%Y-%m-%d') as fecha_estimada_entrega,
  [
    {{'estado': 'en_camino', 'fecha': strftime(timestamp '2024-01-01' + to_seconds(i * 3),
      '%Y-%m-%d %H:%M:%S'), 'ubicacion': 'Rosario'}},
    {{'estado': 'entregado', 'fecha': strftime(timestamp '2024-01-02' + to_seconds(i * 3),
      '%Y-%m-%d %H:%M:%S'), 'ubicacion': 'Salta'}}
  ][:1 + (i % 2)::int] as tracking_history
from range({rows}) as t(i)
"""


def write_records(path: Path, rows: int) -> None:
    """Write generated shipments, as an array or as lines by the file's suffix."""
    array = str(path.suffix == ".json").lower()
    with duckdb.connect() as session:
        session.execute("set enable_progress_bar = false")
        session.execute(
            f"copy ({RECORDS_SQL.format(rows=rows)}) to '{path}' (format json, array {array})"
        )


def load_once(loader: str, file: Path, folder: Path, threads: int, rows: int) -> dict[str, float]:
    """Load the file in a new process into a new folder, which is removed afterwards.

    Returns:
        rows, seconds, processor_seconds, peak_rss_bytes.

    Raises:
        MeasurementError: the process failed, or loaded another number of rows.
    """
    target = folder / loader
    target.mkdir()
    answer = folder / f"{loader}.json"
    what = [loader, file, target, answer]
    try:
        timed(
            [sys.executable, "-m", "benchmarks.json_load_child", *what, f"--threads={threads}"],
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
    """Show seconds, ratio to plain DuckDB, processor time and peak memory."""
    table = Table(
        "median (min-max)",
        "seconds",
        "x DuckDB",
        "processor seconds",
        "peak memory, MB",
        title=title,
    )
    seconds = {name: [run["seconds"] for run in runs] for name, runs in measured.items()}
    for name, runs in measured.items():
        memory = Spread(tuple(run["peak_rss_bytes"] / 1e6 for run in runs))
        processor = Spread(tuple(run["processor_seconds"] for run in runs))
        label = {"duckdb": "plain DuckDB", "pandas": "pandas", "aljibe": "our ingest"}[name]
        table.add_row(
            label,
            Spread(tuple(seconds[name])).shown(),
            ratios(seconds[name], seconds["duckdb"]).shown(),
            processor.shown(),
            memory.shown(0),
        )
    console.print(table)


def main() -> None:
    """Read the options, generate both files, measure in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=200.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="scratch; default the temporary folder")
    parser.add_argument("--json", type=Path, help="write every measurement to this file")
    options = parser.parse_args()
    console = Console()
    rows = max(1, round(options.megabytes * 1e6 / BYTES_PER_RECORD))
    kept: dict[str, object] = {"machine": machine(), "rows": rows}
    with TemporaryDirectory(prefix="aljibe-json-ingest-", dir=options.folder) as name:
        folder = Path(name)
        for shape, file_name in SHAPES.items():
            landing = folder / shape
            landing.mkdir()
            file = landing / file_name
            write_records(file, rows)
            measured: dict[str, list[dict[str, float]]] = {loader: [] for loader in LOADERS}
            for number in range(options.rounds):
                turns = list(LOADERS) if number % 2 == 0 else list(reversed(LOADERS))
                for loader in turns:
                    told = load_once(loader, file, folder, options.threads, rows)
                    measured[loader].append(told)
            size = file.stat().st_size
            report(measured, f"JSON {shape} of {size / 1e6:.0f} MB, {rows:,} records", console)
            kept[shape] = measured
            file.unlink()
    console.print(f"{machine()}; {options.rounds} rounds, in turns; {options.threads} threads")
    if options.json:
        write_json(options.json, kept)


if __name__ == "__main__":
    main()
