"""The state of a warehouse that a publication shows, whoever writes to it meanwhile."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from lakehouse.errors import PublishRefused
from lakehouse.lake.inexact_columns import inexact_columns
from lakehouse.lake.warehouse import Warehouse, warehouse_exists
from lakehouse.publish.serving_copy import PublishedTable
from lakehouse.sql_quoting import sql_string


def pin_warehouse(warehouse: Warehouse, tables: Sequence[PublishedTable]) -> Warehouse:
    """Pin what is published: of a lake its newest snapshot, with descriptions for its readers.

    A file has one writer, which is the caller, as of the lake.

    Args:
        warehouse: of the domain.
        tables: that are published.

    Raises:
        PublishRefused: nothing was ever built, or a lake does not keep values as they are.
        WarehouseUnusable: it cannot be opened now.
    """
    if not warehouse_exists(warehouse):
        raise PublishRefused(f"There is no warehouse {warehouse}; run a build first.")
    if isinstance(warehouse, Path):
        return warehouse
    with warehouse.opened() as connection:
        if inexact := inexact_columns(connection):
            raise PublishRefused(
                f"{warehouse}: files of a lake do not keep these values exactly: "
                f"{', '.join(inexact)}. Cast whole numbers beyond 2^53 to bigint or "
                "decimal(38, 0), and intervals to a number of seconds, in the model. Readers keep "
                "the last good state."
            )
        connection.execute("begin")
        for statement in _comments(connection, tables):
            connection.execute(statement)
        connection.execute("commit")
    return warehouse.at(warehouse.current_version())


def _comments(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[PublishedTable]
) -> Iterator[str]:
    """Statements for what readers are not told yet; a build makes its tables without comments."""
    told = {
        (schema, name): (kind, comment)
        for schema, name, kind, comment in connection.execute(
            "select schema_name, table_name, 'table', comment from duckdb_tables() "
            "where database_name = current_database() union all "
            "select schema_name, view_name, 'view', comment from duckdb_views() "
            "where database_name = current_database() and not internal"
        ).fetchall()
    }
    columns = {
        (schema, name, column.lower()): comment
        for schema, name, column, comment in connection.execute(
            "select schema_name, table_name, column_name, comment from duckdb_columns() "
            "where database_name = current_database() and not internal"
        ).fetchall()
    }
    for table in tables:
        kind, comment = told.get((table.schema, table.name), ("", None))
        if kind and table.description and comment != table.description:
            yield f"comment on {kind} {table.relation} is {sql_string(table.description)}"
        # DuckDB has no comments on columns of views.
        for column, text in table.columns.items() if kind == "table" else ():
            place = (table.schema, table.name, column.lower())
            if place in columns and columns[place] != text:
                yield f"comment on column {table.column(column)} is {sql_string(text)}"
