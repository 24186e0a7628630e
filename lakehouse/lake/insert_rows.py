"""Put rows of Python values into a DuckDB table, some thousands at a time."""

import json
from collections.abc import Iterable, Sequence

import duckdb

from lakehouse.sql_quoting import sql_string


def insert_rows(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Sequence[object]]
) -> None:
    """Insert rows, whose values become those of the table's types by way of their text.

    Args:
        connection: to the database of the table.
        table: `schema.table`, as SQL.
        rows: values in the order of the table's columns; None is NULL.

    Raises:
        duckdb.ConversionException: a value does not fit its column.
    """
    texts = [[None if value is None else str(value) for value in row] for row in rows]
    if not texts:
        return
    # As one JSON text: bound parameters and Arrow arrays make each process import pandas first.
    values = ", ".join(f"row[{at}]" for at in range(1, len(texts[0]) + 1))
    connection.execute(
        f"insert into {table} select {values} from (select unnest(from_json("
        f"{sql_string(json.dumps(texts))}, '[[\"VARCHAR\"]]')) as row)"
    )
