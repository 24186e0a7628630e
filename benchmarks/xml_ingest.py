"""What our ingest of an XML document costs against lxml iterparse alone and pandas.

Run: python -m benchmarks.xml_ingest [--megabytes 100] [--rounds 3] [--folder DIR] [--json FILE]
"""

import argparse
import importlib
import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

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
    "codigo": "varchar",
    "nombre": "varchar",
    "categoria": "varchar",
    "precio_lista": "decimal(12,2)",
    "precio_costo": "decimal(12,2)",
    "stock_proveedor": "integer",
    "disponible": "varchar",
    "marca": "varchar",
}
CATEGORIES = ("Audio", "Video", "Cables &amp; más")
RECORD = """  <producto>
    <codigo>PROV-{n:07d}</codigo>
    <nombre>Producto número {name} de línea</nombre>
    <categoria>{category}</categoria>
    <precio_lista>{price}</precio_lista>
    <precio_costo>{cost}</precio_costo>
    <stock_proveedor>{stock}</stock_proveedor>
    <disponible>{there}</disponible>
    <marca>Marca{brand}</marca>
  </producto>
"""
BATCH_ROWS = 50_000
LABELS = {
    "iterparse": "lxml iterparse into Arrow and Parquet",
    "aljibe": "our ingest",
    "pandas": "pandas read_xml",
}


def write_xml(path: Path, size: float) -> int:
    """Write a supplier's catalogue of about `size` bytes, 8 elements a record; its records."""
    written = rows = 0
    with path.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<catalogo proveedor="Sur">\n')
        while written < size:
            written += file.write(
                RECORD.format(
                    n=rows,
                    name=rows * 7919 % 100_000,
                    category=CATEGORIES[rows % 3],
                    price=f"{rows * 31 % 1_000_000 / 100:.2f}",
                    cost=f"{rows * 17 % 1_000_000 / 100:.2f}",
                    stock=rows % 500,
                    there="no" if rows % 3 else "si",
                    brand=rows % 50,
                )
            )
            rows += 1
        file.write("</catalogo>\n")
    return rows


def load_by_iterparse(xml: Path, folder: Path) -> Callable[[], int]:
    """The usual loop over iterparse: all text, into one zstd Parquet file; nothing checked."""
    import pyarrow as pa  # noqa: PLC0415 - each process imports only what it measures
    import pyarrow.parquet as pq  # noqa: PLC0415
    from lxml import etree  # noqa: PLC0415

    schema = pa.schema([(name, pa.string()) for name in COLUMNS])

    def load() -> int:
        rows: list[dict[str, str]] = []
        count = 0
        with pq.ParquetWriter(folder / "plain.parquet", schema, compression="zstd") as writer:
            for _, element in etree.iterparse(xml, events=("end",), tag="producto"):
                rows.append({child.tag: child.text for child in element})
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
                if len(rows) == BATCH_ROWS:
                    writer.write_table(pa.Table.from_pylist(rows, schema))
                    count, rows = count + len(rows), []
            writer.write_table(pa.Table.from_pylist(rows, schema))
        return count + len(rows)

    return load


def load_by_pandas(xml: Path, folder: Path) -> Callable[[], int]:
    """read_xml with its own types and to_parquet."""
    import pandas  # noqa: PLC0415

    def load() -> int:
        frame = pandas.read_xml(xml, xpath="/catalogo/producto")
        frame.to_parquet(folder / "plain.parquet", compression="zstd")
        return len(frame)

    return load


def load_by_aljibe(xml: Path, folder: Path) -> Callable[[], int]:
    """Our ingest of a delivered file: hashed, typed, numbered, in the ledger, synced."""
    from lakehouse.connectors.folder import FoundFile  # noqa: PLC0415
    from lakehouse.lake.load_file import load_file  # noqa: PLC0415
    from lakehouse.lake.raw_lake import RawLake  # noqa: PLC0415
    from lakehouse.settings import Settings  # noqa: PLC0415
    from lakehouse.source_catalog import Table  # noqa: PLC0415

    table = Table.model_validate(
        {
            "source": "measured",
            "name": "catalogo",
            "connector": "files",
            "block": "landing-measured",
            "schema_name": "raw",
            "meta": {
                "load": "append",
                "pattern": xml.name,
                "format": "xml",
                "file": {"record_path": "/catalogo/producto"},
            },
            "columns": [{"name": name, "data_type": kind} for name, kind in COLUMNS.items()],
            "file": Path(__file__),
        }
    )
    lake = RawLake.of(Settings(home=folder))
    status = xml.stat()
    found = FoundFile(xml.name, status.st_size, status.st_mtime_ns)
    return lambda: load_file(xml.parent, found, table, lake).rows_loaded


LOADERS = {"iterparse": load_by_iterparse, "aljibe": load_by_aljibe, "pandas": load_by_pandas}


def load_here(loader: str, xml: Path, folder: Path, answer: Path) -> None:
    """Load in this process; rows, seconds and peak memory go to a JSON file."""
    # pyarrow imports pandas for the first array that it makes.
    importlib.import_module("pandas")
    load = LOADERS[loader](xml, folder)
    started = time.perf_counter()
    rows = load()
    seconds = time.perf_counter() - started
    # Linux counts ru_maxrss in KiB.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    answer.write_text(json.dumps({"rows": rows, "seconds": seconds, "peak_rss_bytes": peak}))


def load_once(loader: str, xml: Path, folder: Path, rows: int) -> dict[str, float]:
    """Load in a new process into a new folder, which is removed afterwards.

    Raises:
        MeasurementError: the process failed, or loaded another number of rows.
    """
    target, answer = folder / loader, folder / f"{loader}.json"
    target.mkdir()
    try:
        timed(
            [sys.executable, "-m", "benchmarks.xml_ingest", "--child", loader, xml, target, answer],
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
    """Show seconds, ratio to iterparse alone and peak memory."""
    shown = ShownTable("median (min-max)", "seconds", "x iterparse", "peak, MB", title=title)
    seconds = {name: [run["seconds"] for run in runs] for name, runs in measured.items()}
    for name, runs in measured.items():
        memory = Spread(tuple(run["peak_rss_bytes"] / 1e6 for run in runs))
        ratio = ratios(seconds[name], seconds["iterparse"])
        took = Spread(tuple(seconds[name]))
        shown.add_row(LABELS[name], took.shown(), ratio.shown(), memory.shown(0))
    console.print(shown)


def main() -> None:
    """Read the options, generate the document, measure in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=100)
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
    with TemporaryDirectory(prefix="aljibe-xml-ingest-", dir=options.folder) as name:
        folder = Path(name)
        xml = folder / "catalogo.xml"
        rows = write_xml(xml, options.megabytes * 1e6)
        title = f"XML of {xml.stat().st_size / 1e6:.0f} MB, {rows:,} records of 8 elements"
        measured: dict[str, list[dict[str, float]]] = {loader: [] for loader in loaders}
        for number in range(options.rounds):
            for loader in loaders if number % 2 == 0 else reversed(loaders):
                measured[loader].append(load_once(loader, xml, folder, rows))
    report(measured, title, console)
    console.print(f"{machine()}; {options.rounds} rounds, in turns")
    if options.json:
        write_json(options.json, {"machine": machine(), "rows": rows, "runs": measured})


if __name__ == "__main__":
    main()
