"""The warehouse says itself which build made it: a deleted or restored file is never mistaken."""

import duckdb

from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.warehouse import Warehouse, warehouse_exists


def mark_build(connection: duckdb.DuckDBPyConnection, build_id: str) -> None:
    """Write the id of the build that just ended into `etl.last_build`."""
    connection.execute("create schema if not exists etl")
    connection.execute("create or replace table etl.last_build (build_id varchar)")
    connection.execute("insert into etl.last_build values (?)", [build_id])


def marked_build(warehouse: Warehouse) -> str | None:
    """Read the id of the build that made a warehouse; None if there is none.

    Raises:
        WarehouseUnusable: another process has it open, or it is damaged.
    """
    if not warehouse_exists(warehouse):
        return None
    with open_warehouse(warehouse, read_only=True) as connection:
        try:
            row = connection.execute("select build_id from etl.last_build").fetchone()
        except duckdb.CatalogException:
            return None
    return str(row[0]) if row else None
