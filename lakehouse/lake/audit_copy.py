"""Copy what a query of the audit database gives into a table of a DuckDB warehouse."""

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa
from sqlalchemy import Engine, Select

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
            connection.register("part", _arrow(part))
            connection.execute(f"insert into {table} select * from part")
            connection.unregister("part")


def _arrow(rows: Sequence[Sequence[object]]) -> pa.Table:
    return pa.table({str(at): [row[at] for row in rows] for at in range(len(rows[0]))})
