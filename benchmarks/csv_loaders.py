"""Loads one CSV file of text columns: by plain DuckDB, or by our ingest."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.duckdb_copy import copy_load, plain_session
from benchmarks.our_ingest import file_load

COLUMNS = ("id", "customer", "city", "product", "ordered_at", "quantity", "price", "note")


def load_by_duckdb(csv: Path, folder: Path, threads: int) -> Callable[[], int]:
    """DuckDB's COPY, all as text."""
    relation = f"read_csv('{csv}', all_varchar=true, header=true)"
    return copy_load(plain_session(threads), relation, folder)


def load_by_aljibe(csv: Path, folder: Path, threads: int) -> Callable[[], int]:
    """Our ingest, all as text."""
    return file_load(csv, folder, threads, columns=dict.fromkeys(COLUMNS, "varchar"))


LOADERS = {"duckdb": load_by_duckdb, "aljibe": load_by_aljibe}
