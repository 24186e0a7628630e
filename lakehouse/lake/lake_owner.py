"""Whose files lie in a lake's folder: a mark in it names the one catalog that knows them.

What a catalog does not know is removed by its housekeeping. Two catalogs over one folder, such as
those of a test and of production, would remove each other's files.
"""

from pathlib import Path

import duckdb

from lakehouse.errors import WarehouseRefused
from lakehouse.sql_quoting import glob_literal, sql_identifier, sql_string

# Not Parquet: DuckLake takes no other files for its own.
_MARK = "catalog.txt"


def claim_files(connection: duckdb.DuckDBPyConnection, domain: str, schema: str, data: str) -> None:
    """Mark the folder of a new lake.

    Args:
        connection: with the lake attached.
        domain: name of its catalog in DuckDB.
        schema: metadata schema in its PostgreSQL.
        data: its folder or prefix, ending in a slash.

    Raises:
        WarehouseRefused: files of another catalog lie there.
    """
    mine, there = _identity(connection, domain, schema), _mark(connection, data)
    if there is None:
        connection.execute(
            f"copy (select {sql_string(mine)}) to {sql_string(data + _MARK)} "
            "(format csv, header false)"
        )
    elif there != mine:
        raise WarehouseRefused(
            f"{data} holds the files of another catalog. Give this one a place of its own by "
            "ALJIBE_LAKE_DATA, or remove that folder if its catalog is gone."
        )


def owns_files(connection: duckdb.DuckDBPyConnection, domain: str, schema: str, data: str) -> bool:
    """Whether the folder is marked as this lake's; arguments as of `claim_files`."""
    return _mark(connection, data) == _identity(connection, domain, schema)


def _identity(connection: duckdb.DuckDBPyConnection, domain: str, schema: str) -> str:
    # Made by DuckLake with the catalog, and the same under whatever address it is reached.
    table = ".".join(
        sql_identifier(part)
        for part in (f"__ducklake_metadata_{domain}", schema, "ducklake_schema")
    )
    row = connection.execute(f"select schema_uuid from {table} where schema_id = 0").fetchone()
    return str(row[0]) if row else ""


def _mark(connection: duckdb.DuckDBPyConnection, data: str) -> str | None:
    # With a star, or a bucket is not asked whether there is such an object.
    folder = data if "://" in data else f"{glob_literal(Path(data))}/"
    files = sql_string(f"{folder}{_MARK}*")
    if not connection.execute(f"select 1 from glob({files})").fetchone():
        return None
    row = connection.execute(f"select content from read_text({files})").fetchone()
    return str(row[0]).strip() if row else None
