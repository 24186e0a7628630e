"""Every delivery and every refused row of a domain, copied from the ledger into its warehouse."""

import duckdb
from sqlalchemy import select

from lakehouse.lake.audit_copy import copy_query
from lakehouse.lake.audit_schema import deliveries, rejected_rows
from lakehouse.lake.ledger import Ledger
from lakehouse.source_catalog import Catalog

_LOAD_LOG = """
    batch_id VARCHAR, source_name VARCHAR, table_name VARCHAR, file_name VARCHAR,
    rows_delivered BIGINT, rows_loaded BIGINT, rows_rejected BIGINT, bytes BIGINT,
    started_at TIMESTAMPTZ, seconds DOUBLE, status VARCHAR, reason VARCHAR, delivery_id BIGINT
"""
_ERROR_LOG = """
    delivery_id BIGINT, source_name VARCHAR, table_name VARCHAR, file_name VARCHAR,
    source_line BIGINT, column_name VARCHAR, reason VARCHAR, row_loaded BOOLEAN,
    occurred_at TIMESTAMPTZ
"""


def write_logs(connection: duckdb.DuckDBPyConnection, catalog: Catalog, ledger: Ledger) -> None:
    """Write `etl.load_log` and `etl.error_log` anew for the sources of a domain."""
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
    errors = (
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
        ("load_log", _LOAD_LOG, loads.order_by(deliveries.c.delivery_id)),
        ("error_log", _ERROR_LOG, errors.order_by(rejected_rows.c.rejected_row_id)),
    ):
        copy_query(connection, ledger.engine, f"etl.{name}", columns, query)
