"""Copy what a query of the audit database gives into a table of a DuckDB warehouse."""

from typing import Any

import duckdb
from sqlalchemy import Engine, Select

from lakehouse.lake.insert_rows import insert_rows

_ROWS_AT_ONCE = 10_000


def copy_query(
    connection: duckdb.DuckDBPyConnection,
    engine: Engine,
    table: str,
    columns: str,
    query: Select[Any],
) -> None:
    """Write a table anew; memory stays flat in the number of rows.

    Args:
        connection: the warehouse.
        engine: of the audit database.
        table: `schema.table`, as SQL.
        columns: names and types as in `create table`, in the order of the query's.
        query: what to copy.
    """
    connection.execute(f"create or replace table {table} ({columns})")
    # Read without SQLite's write lock: loads of other domains go on meanwhile.
    reader = engine.execution_options(sqlite_begin="DEFERRED")
    with reader.connect() as audit:
        for part in audit.execute(query).partitions(_ROWS_AT_ONCE):
            insert_rows(connection, table, part)
