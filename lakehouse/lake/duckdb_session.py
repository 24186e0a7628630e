"""DuckDB connections with a bound on memory, and quoting for the SQL that is built."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb


def quoted(identifier: str) -> str:
    """Quote an identifier of any content."""
    return '"' + identifier.replace('"', '""') + '"'


def text_literal(value: str) -> str:
    """Quote a text value of any content."""
    return "'" + value.replace("'", "''") + "'"


@contextmanager
def bounded_session(
    scratch: Path, *, threads: int, memory: str, ordered: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory DuckDB that spills to `scratch` beyond `memory`.

    Args:
        scratch: existing folder for what does not fit.
        threads: threads of this connection.
        memory: limit such as `256MB`.
        ordered: keep the order of the rows read; costs memory and time.
    """
    session = duckdb.connect()
    try:
        session.execute(f"set threads = {threads}")
        session.execute(f"set memory_limit = {text_literal(memory)}")
        session.execute(f"set temp_directory = {text_literal(str(scratch))}")
        session.execute(f"set preserve_insertion_order = {str(ordered).lower()}")
        session.execute("set autoinstall_known_extensions = false")
        session.execute("set timezone = 'UTC'")
        yield session
    finally:
        session.close()
