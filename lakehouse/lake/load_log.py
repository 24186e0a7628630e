"""Deliveries, refused rows and errors of a domain, copied from the ledger into its warehouse."""

import duckdb
from sqlalchemy import select

from lakehouse.lake.audit_copy import copy_query
from lakehouse.lake.audit_schema import deliveries, rejected_rows
from lakehouse.lake.error_ledger import write_error_log
from lakehouse.lake.ledger import Ledger
from lakehouse.source_catalog import Catalog

LOAD_LOG_COLUMNS = """
    batch_id VARCHAR, source_name VARCHAR, table_name VARCHAR, file_name VARCHAR,
    rows_delivered BIGINT, rows_loaded BIGINT, rows_rejected BIGINT, bytes BIGINT,
    started_at TIMESTAMPTZ, seconds DOUBLE, status VARCHAR, reason VARCHAR, delivery_id BIGINT
"""
REJECTED_ROWS_COLUMNS = """
    delivery_id BIGINT, source_name VARCHAR, table_name VARCHAR, file_name VARCHAR,
    source_line BIGINT, column_name VARCHAR, reason VARCHAR, row_loaded BOOLEAN,
    occurred_at TIMESTAMPTZ
"""


def write_logs(connection: duckdb.DuckDBPyConnection, catalog: Catalog, ledger: Ledger) -> None:
    """Write `etl.load_log`, `etl.rejected_rows` and `etl.error_log` of a domain anew."""
    sources = {table.source for table in catalog.tables}
    loads = select(
        deliveries.c.batch_id,
        deliveries.c.source_name,
        deliveries.c.table_name,
        deliveries.c.file_name,
        deliveries.c.rows_delivered,
        deliveries.c.rows_loaded,
        deliveries.c.rows_rejected,
        deliveries.c.size,
        deliveries.c.started_at,
        deliveries.c.seconds,
        deliveries.c.status,
        deliveries.c.reason,
        deliveries.c.delivery_id,
    ).where(deliveries.c.source_name.in_(sources))
    refused = (
        select(
            deliveries.c.delivery_id,
            deliveries.c.source_name,
            deliveries.c.table_name,
            deliveries.c.file_name,
            rejected_rows.c.source_line,
            rejected_rows.c.column_name,
            rejected_rows.c.reason,
            rejected_rows.c.row_loaded,
            deliveries.c.started_at,
        )
        .join(rejected_rows, rejected_rows.c.delivery_id == deliveries.c.delivery_id)
        .where(deliveries.c.source_name.in_(sources))
    )
    for name, columns, query in (
        ("load_log", LOAD_LOG_COLUMNS, loads.order_by(deliveries.c.delivery_id)),
        ("rejected_rows", REJECTED_ROWS_COLUMNS, refused.order_by(rejected_rows.c.rejected_row_id)),
    ):
        copy_query(connection, ledger.engine, f"etl.{name}", columns, query)
    write_error_log(connection, ledger.engine, catalog.domain)
