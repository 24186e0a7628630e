"""Loads one JSON file once, as a process of its own: by plain DuckDB, pandas, or our ingest."""

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

COLUMNS = {
    "envio_id": "varchar",
    "pedido_id": "integer",
    "courier": "varchar",
    "tracking_code": "varchar",
    "destino_ciudad": "varchar",
    "peso_kg": "decimal(10,2)",
    "costo_envio": "decimal(12,2)",
    "estado_actual": "varchar",
    "fecha_estimada_entrega": "date",
    "tracking_history": "struct(estado varchar, fecha timestamp, ubicacion varchar)[]",
}


def load_by_duckdb(file: Path, folder: Path, threads: int) -> Callable[[], int]:
    """Plain DuckDB, its own detection of types, into one zstd Parquet file."""
    session = duckdb.connect(config={"threads": threads})
    session.execute("set enable_progress_bar = false")
    copy = (
        f"copy (select * from read_json('{file}')) to '{folder / 'plain.parquet'}' "
        "(format parquet, compression zstd)"
    )

    def load() -> int:
        counted = session.execute(copy).fetchone()
        return int(counted[0]) if counted else 0

    return load


def load_by_pandas(file: Path, folder: Path, threads: int) -> Callable[[], int]:
    """pandas.read_json and to_parquet; types as it guesses them."""
    import pandas as pd  # noqa: PLC0415 - not in the other processes

    del threads

    def load() -> int:
        frame = pd.read_json(file, lines=file.suffix == ".ndjson")
        frame.to_parquet(folder / "pandas.parquet", compression="zstd")
        return len(frame)

    return load


def load_by_aljibe(file: Path, folder: Path, threads: int) -> Callable[[], int]:
    """Our ingest of a delivered file: hashed, checked, typed, in the ledger, synced."""
    from lakehouse.connectors.folder import find_files  # noqa: PLC0415 - not in DuckDB's process
    from lakehouse.lake.load_file import load_file  # noqa: PLC0415
    from lakehouse.lake.raw_lake import RawLake  # noqa: PLC0415
    from lakehouse.settings import Settings  # noqa: PLC0415
    from lakehouse.source_catalog import Table  # noqa: PLC0415

    data_format = "ndjson" if file.suffix == ".ndjson" else "json"
    table = Table.model_validate(
        {
            "source": "measured",
            "name": "shipments",
            "connector": "files",
            "block": "landing-measured",
            "schema_name": "raw",
            "meta": {"load": "append", "pattern": file.name, "format": data_format},
            "columns": [{"name": name, "data_type": kind} for name, kind in COLUMNS.items()],
            "file": Path(__file__),
        }
    )
    lake = RawLake.of(Settings(home=folder, duckdb_threads=threads))

    def load() -> int:
        (found,) = find_files(file.parent, table)
        return load_file(file.parent, found, table, lake).rows_loaded

    return load


LOADERS = {"duckdb": load_by_duckdb, "pandas": load_by_pandas, "aljibe": load_by_aljibe}


def main() -> None:
    """Load, and write rows, seconds and peak memory to a JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("loader", choices=LOADERS)
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path, help="where the result goes")
    parser.add_argument("answer", type=Path, help="JSON file that gets the numbers")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    load = LOADERS[options.loader](options.file, options.folder, options.threads)
    started, processor = time.perf_counter(), time.process_time()
    rows = load()
    seconds = time.perf_counter() - started
    # Linux counts ru_maxrss in KiB.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    told = {
        "rows": rows,
        "seconds": seconds,
        "processor_seconds": time.process_time() - processor,
        "peak_rss_bytes": peak,
    }
    options.answer.write_text(json.dumps(told), "utf-8")


if __name__ == "__main__":
    main()
