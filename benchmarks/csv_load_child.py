"""Loads one CSV file once, as a process of its own: by plain DuckDB, or by our ingest."""

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

COLUMNS = ("id", "customer", "city", "product", "ordered_at", "quantity", "price", "note")


def load_by_duckdb(csv: Path, folder: Path, threads: int) -> Callable[[], int]:
    """Plain DuckDB: all text, into one zstd Parquet file; no ledger, no checks."""
    session = duckdb.connect(config={"threads": threads})
    copy = (
        f"copy (select * from read_csv('{csv}', all_varchar=true, header=true)) "
        f"to '{folder / 'plain.parquet'}' (format parquet, compression zstd)"
    )

    def load() -> int:
        counted = session.execute(copy).fetchone()
        return int(counted[0]) if counted else 0

    return load


def load_by_aljibe(csv: Path, folder: Path, threads: int) -> Callable[[], int]:
    """Our ingest of a delivered file: hashed, checked, numbered, in the ledger, synced."""
    from lakehouse.connectors.folder import find_files  # noqa: PLC0415 - not in DuckDB's process
    from lakehouse.lake.load_file import load_file  # noqa: PLC0415
    from lakehouse.lake.raw_lake import RawLake  # noqa: PLC0415
    from lakehouse.settings import Settings  # noqa: PLC0415
    from lakehouse.source_catalog import Table  # noqa: PLC0415

    table = Table.model_validate(
        {
            "source": "measured",
            "name": "orders",
            "connector": "files",
            "block": "landing-measured",
            "schema_name": "raw",
            "meta": {"load": "append", "pattern": csv.name},
            "columns": [{"name": name} for name in COLUMNS],
            "file": Path(__file__),
        }
    )
    lake = RawLake.of(Settings(home=folder, duckdb_threads=threads))

    def load() -> int:
        (found,) = find_files(csv.parent, table)
        return load_file(csv.parent, found, table, lake).rows_loaded

    return load


LOADERS = {"duckdb": load_by_duckdb, "aljibe": load_by_aljibe}


def main() -> None:
    """Load, and write rows, seconds and peak memory to a JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("loader", choices=LOADERS)
    parser.add_argument("csv", type=Path)
    parser.add_argument("folder", type=Path, help="where the result goes")
    parser.add_argument("answer", type=Path, help="JSON file that gets the numbers")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    load = LOADERS[options.loader](options.csv, options.folder, options.threads)
    started = time.perf_counter()
    rows = load()
    seconds = time.perf_counter() - started
    # Linux counts ru_maxrss in KiB.
    peak = max(
        resource.getrusage(who).ru_maxrss * 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    told = {"rows": rows, "seconds": seconds, "peak_rss_bytes": peak}
    options.answer.write_text(json.dumps(told), "utf-8")


if __name__ == "__main__":
    main()
