"""Plain DuckDB's COPY into Parquet, which several of our loads are measured against."""

import typing
from collections.abc import Callable
from pathlib import Path

if typing.TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def plain_session(threads: int) -> "DuckDBPyConnection":
    """DuckDB in memory, with its defaults but for the threads."""
    import duckdb  # noqa: PLC0415 - each process imports only what it measures

    session = duckdb.connect(config={"threads": threads})
    session.execute("set enable_progress_bar = false")
    return session


def copy_load(session: "DuckDBPyConnection", relation: str, folder: Path) -> Callable[[], int]:
    """All of a relation, with DuckDB's types, into one zstd Parquet file; nothing is checked.

    Args:
        session: that knows the relation.
        relation: what may stand after SQL's `from`.
        folder: in which the file is made.
    """
    copy = f"copy (from {relation}) to '{folder / 'plain.parquet'}'"

    def load() -> int:
        counted = session.execute(f"{copy} (format parquet, compression zstd)").fetchone()
        return int(counted[0]) if counted else 0

    return load
