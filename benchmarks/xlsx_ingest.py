"""What our ingest of a workbook costs against fastexcel alone, pandas and, if there, polars.

Run: python -m benchmarks.xlsx_ingest [--rows 200000] [--rounds 3] [--folder DIR] [--json FILE]
"""

import argparse
import importlib
import importlib.util
import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import openpyxl
from rich.console import Console
from rich.table import Table as ShownTable

from benchmarks.measurements import (
    MeasurementError,
    Spread,
    machine,
    ratios,
    timed,
    write_json,
)

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = {
    "operacion": "varchar",
    "pedido": "integer",
    "fecha": "date",
    "momento": "timestamp",
    "monto": "decimal(14,2)",
    "tasa": "double",
    "estado": "varchar",
    "nota": "varchar",
}
FIRST = datetime(2024, 1, 1)
LABELS = {
    "fastexcel": "fastexcel into Arrow and Parquet",
    "aljibe": "our ingest",
    "pandas": "pandas read_excel (openpyxl)",
    "polars": "polars read_excel",
}


def write_xlsx(path: Path, rows: int) -> None:
    """Write settlements: text, whole and decimal numbers, dates and times."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Liquidaciones")
    sheet.append(list(COLUMNS))
    for n in range(rows):
        sheet.append(
            [
                f"MP-{n:08d}",
                n % 5_000,
                (FIRST + timedelta(days=n % 700)).date(),
                FIRST + timedelta(seconds=n * 37),
                round(n * 31 % 1_000_000 / 100, 2),
                0.21,
                "retenido" if n % 2 else "liquidado",
                f"nota {n % 1_000} número",
            ]
        )
    book.save(path)


def load_by_fastexcel(xlsx: Path, folder: Path) -> Callable[[], int]:
    """fastexcel with its own types into Arrow, and one zstd Parquet file; nothing checked."""
    import fastexcel  # noqa: PLC0415 - each process imports only what it measures
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    def load() -> int:
        batch = fastexcel.read_excel(xlsx).load_sheet(0).to_arrow()
        table = pa.Table.from_batches([batch])
        pq.write_table(table, folder / "plain.parquet", compression="zstd")
        return int(table.num_rows)

    return load


def load_by_pandas(xlsx: Path, folder: Path) -> Callable[[], int]:
    """read_excel, which asks openpyxl, and to_parquet."""
    import pandas  # noqa: PLC0415

    def load() -> int:
        frame = pandas.read_excel(xlsx)
        frame.to_parquet(folder / "plain.parquet", compression="zstd")
        return len(frame)

    return load


def load_by_polars(xlsx: Path, folder: Path) -> Callable[[], int]:
    """read_excel, which asks fastexcel, and write_parquet."""
    import polars  # noqa: PLC0415

    def load() -> int:
        frame = polars.read_excel(xlsx)
        frame.write_parquet(folder / "plain.parquet", compression="zstd")
        return int(frame.height)

    return load


def load_by_aljibe(xlsx: Path, folder: Path) -> Callable[[], int]:
    """Our ingest of a delivered file: hashed, typed, numbered, in the ledger, synced."""
    from lakehouse.connectors.folder import FoundFile  # noqa: PLC0415
    from lakehouse.lake.load_file import load_file  # noqa: PLC0415
    from lakehouse.lake.raw_lake import RawLake  # noqa: PLC0415
    from lakehouse.settings import Settings  # noqa: PLC0415
    from lakehouse.source_catalog import Table  # noqa: PLC0415

    table = Table.model_validate(
        {
            "source": "measured",
            "name": "liquidaciones",
            "connector": "files",
            "block": "landing-measured",
            "schema_name": "raw",
            "meta": {
                "load": "append",
                "pattern": xlsx.name,
                "format": "xlsx",
            },
            "columns": [{"name": name, "data_type": kind} for name, kind in COLUMNS.items()],
            "file": Path(__file__),
        }
    )
    lake = RawLake.of(Settings(home=folder))
    status = xlsx.stat()
    found = FoundFile(xlsx.name, status.st_size, status.st_mtime_ns)
    return lambda: load_file(xlsx.parent, found, table, lake).rows_loaded


LOADERS = {
    "fastexcel": load_by_fastexcel,
    "aljibe": load_by_aljibe,
    "pandas": load_by_pandas,
    "polars": load_by_polars,
}


def load_here(loader: str, xlsx: Path, folder: Path, answer: Path) -> None:
    """Load in this process; rows, seconds and peak memory go to a JSON file."""
    # pyarrow imports pandas for the first array that it makes.
    importlib.import_module("pandas")
    load = LOADERS[loader](xlsx, folder)
    started = time.perf_counter()
    rows = load()
    seconds = time.perf_counter() - started
    # Linux counts ru_maxrss in KiB.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    answer.write_text(json.dumps({"rows": rows, "seconds": seconds, "peak_rss_bytes": peak}))


def load_once(loader: str, xlsx: Path, folder: Path, rows: int) -> dict[str, float]:
    """Load in a new process into a new folder, which is removed afterwards.

    Raises:
        MeasurementError: the process failed, or loaded another number of rows.
    """
    target, answer = folder / loader, folder / f"{loader}.json"
    target.mkdir()
    try:
        timed(
            [
                sys.executable,
                "-m",
                "benchmarks.xlsx_ingest",
                "--child",
                loader,
                xlsx,
                target,
                answer,
            ],
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
    """Show seconds, ratio to fastexcel alone and peak memory."""
    shown = ShownTable("median (min-max)", "seconds", "x fastexcel", "peak, MB", title=title)
    seconds = {name: [run["seconds"] for run in runs] for name, runs in measured.items()}
    for name, runs in measured.items():
        memory = Spread(tuple(run["peak_rss_bytes"] / 1e6 for run in runs))
        ratio = ratios(seconds[name], seconds["fastexcel"])
        took = Spread(tuple(seconds[name]))
        shown.add_row(LABELS[name], took.shown(), ratio.shown(), memory.shown(0))
    console.print(shown)


def main() -> None:
    """Read the options, generate the workbook, measure in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", action="append", default=[], choices=list(LOADERS)[1:])
    parser.add_argument("--folder", type=Path, help="scratch; default the temporary folder")
    parser.add_argument("--json", type=Path, help="write every measurement to this file")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        loader, *paths = options.child
        load_here(loader, *map(Path, paths))
        return
    console = Console()
    loaders = [name for name in LOADERS if name not in options.without]
    if importlib.util.find_spec("polars") is None:
        loaders.remove("polars")
    with TemporaryDirectory(prefix="aljibe-xlsx-ingest-", dir=options.folder) as name:
        folder = Path(name)
        xlsx = folder / "liquidaciones.xlsx"
        write_xlsx(xlsx, options.rows)
        title = f"XLSX of {xlsx.stat().st_size / 1e6:.0f} MB, {options.rows:,} rows x 8 columns"
        measured: dict[str, list[dict[str, float]]] = {loader: [] for loader in loaders}
        for number in range(options.rounds):
            for loader in loaders if number % 2 == 0 else reversed(loaders):
                measured[loader].append(load_once(loader, xlsx, folder, options.rows))
    report(measured, title, console)
    console.print(f"{machine()}; {options.rounds} rounds, in turns")
    if options.json:
        write_json(options.json, {"machine": machine(), "rows": options.rows, "runs": measured})


if __name__ == "__main__":
    main()
