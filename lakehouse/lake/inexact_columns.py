"""Columns whose values a lake does not keep as they are: Parquet has no whole numbers of 128 bits.

DuckDB writes HUGEINT as DOUBLE and INTERVAL in milliseconds, without a word:
https://duckdb.org/docs/stable/data/parquet/overview.
"""

import duckdb

from lakehouse.sql_quoting import sql_identifier

# The sum of a BIGINT column is a HUGEINT, and nearly always small enough to be exact all the same.
_EXACT = 2**53
_WHOLE_NUMBERS = ("HUGEINT", "UHUGEINT")


def inexact_columns(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Find them in the tables of the current catalog.

    Returns:
        `schema.table.column (type)` of each, in order.
    """
    columns = connection.execute(
        "select c.schema_name, c.table_name, c.column_name, c.data_type from duckdb_columns() as c "
        "join duckdb_tables() as t using (database_name, schema_name, table_name) "
        "where c.database_name = current_database() and not c.internal "
        "and c.data_type in ('HUGEINT', 'UHUGEINT', 'INTERVAL') order by all"
    ).fetchall()
    return [
        f"{schema}.{table}.{column} ({kind})"
        for schema, table, column, kind in columns
        if kind not in _WHOLE_NUMBERS or _has_large(connection, schema, table, column)
    ]


def _has_large(connection: duckdb.DuckDBPyConnection, schema: str, table: str, column: str) -> bool:
    name = sql_identifier(column)
    row = connection.execute(
        f"select coalesce(bool_or({name} not between -{_EXACT} and {_EXACT}), false) "
        f"from {sql_identifier(schema)}.{sql_identifier(table)}"
    ).fetchone()
    return row is not None and bool(row[0])
