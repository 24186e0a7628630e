"""Loads one JSON file, an array or lines: by plain DuckDB, pandas, or our ingest."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.duckdb_copy import copy_load, plain_session
from benchmarks.our_ingest import file_load

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
    """DuckDB's COPY, with its own detection of types."""
    return copy_load(plain_session(threads), f"read_json('{file}')", folder)


def load_by_pandas(file: Path, folder: Path, threads: int) -> Callable[[], int]:
    """pandas.read_json and to_parquet; types as it guesses them."""
    import pandas as pd  # noqa: PLC0415 - each process imports only what it measures

    del threads

    def load() -> int:
        frame = pd.read_json(file, lines=file.suffix == ".ndjson")
        frame.to_parquet(folder / "pandas.parquet", compression="zstd")
        return len(frame)

    return load


def load_by_aljibe(file: Path, folder: Path, threads: int) -> Callable[[], int]:
    """Our ingest, with every type declared."""
    return file_load(file, folder, threads, columns=COLUMNS, format=file.suffix[1:])


LOADERS = {"duckdb": load_by_duckdb, "pandas": load_by_pandas, "aljibe": load_by_aljibe}
