"""What dbt sees of the lake: `raw.*` views and the `etl` tables, in the domain's warehouse.

Columns come in the contract's order and types whatever the files hold: a column missing from old
files is NULL, and a table without deliveries is an empty view of the right types.
"""

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlalchemy import select

from lakehouse.lake.audit_schema import deliveries, rejected_rows
from lakehouse.lake.duckdb_session import quoted, text_literal
from lakehouse.lake.ledger import CurrentBatch, Ledger
from lakehouse.lake.partition_layout import table_folder, table_glob
from lakehouse.lake.raw_lake import RawLake
from lakehouse.source_catalog import Catalog, Table

_METADATA = (
    ("_batch_id", "VARCHAR"),
    ("_extracted_at", "TIMESTAMP WITH TIME ZONE"),
    ("_source_file", "VARCHAR"),
    ("_source_line", "BIGINT"),
)
_LOAD_LOG = """
    batch_id VARCHAR, source_name VARCHAR, table_name VARCHAR, file_name VARCHAR,
    rows_delivered BIGINT, rows_loaded BIGINT, rows_rejected BIGINT, bytes BIGINT,
    started_at TIMESTAMPTZ, seconds DOUBLE, status VARCHAR, reason VARCHAR, delivery_id BIGINT
"""
_ERROR_LOG = """
    delivery_id BIGINT, source_name VARCHAR, table_name VARCHAR, file_name VARCHAR,
    source_line BIGINT, column_name VARCHAR, reason VARCHAR, occurred_at TIMESTAMPTZ
"""


def register_raw(catalog: Catalog, lake: RawLake, warehouse: Path, run: str) -> list[CurrentBatch]:
    """Recover the lake's tables and make them visible in the warehouse.

    The caller is the domain's writer.

    Returns:
        The batches that count now.
    """
    for table in catalog.tables:
        with lake.writer_of(table, run):
            lake.recover(table.source, table.name)
    current = lake.ledger.current_batches(catalog.tables)
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("begin")
        connection.execute("create schema if not exists etl")
        for schema in sorted({table.schema_name for table in catalog.tables}):
            connection.execute(f"create schema if not exists {quoted(schema)}")
        for table in catalog.tables:
            connection.execute(view_sql(table, lake.root))
        _write_current(connection, current)
        _write_logs(connection, catalog, lake.ledger)
        connection.execute("commit")
    return current


def view_sql(table: Table, raw: Path) -> str:
    """SQL that makes the raw view of a table over the files it has now."""
    typed = [(column.name, column.type.duckdb) for column in table.columns]
    typed += [(name, "VARCHAR") for name in table.captured]
    typed += _METADATA
    nothing = ", ".join(f"null::{kind} as {quoted(name)}" for name, kind in typed)
    name = f"{quoted(table.schema_name)}.{quoted(table.name)}"
    if not any(table_folder(raw, table.source, table.name).rglob("*.parquet")):
        return f"create or replace view {name} as select {nothing} where false"
    files = (
        f"read_parquet({text_literal(table_glob(raw, table.source, table.name))}, "
        f"union_by_name = true, hive_partitioning = true, "
        f"hive_types = {{'year': SMALLINT, 'month': TINYINT, 'day': TINYINT}})"
    )
    casts = ", ".join(f"{quoted(n)}::{kind} as {quoted(n)}" for n, kind in typed)
    return (
        f"create or replace view {name} as select * replace ({casts}) from ("
        f"select {nothing} where false union all by name "
        f"select * exclude (year, month, day) from {files})"
    )


def _write_current(connection: duckdb.DuckDBPyConnection, current: Iterable[CurrentBatch]) -> None:
    rows = pa.Table.from_pylist(
        [vars(batch) for batch in current],
        schema=pa.schema(
            {
                "source_name": pa.string(),
                "table_name": pa.string(),
                "batch_id": pa.string(),
                "sequence": pa.int64(),
            }
        ),
    )
    connection.register("current_now", rows)
    connection.execute("create or replace table etl.current_batches as select * from current_now")
    connection.unregister("current_now")


def _write_logs(connection: duckdb.DuckDBPyConnection, catalog: Catalog, ledger: Ledger) -> None:
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
            deliveries.c.started_at,
        )
        .join(rejected_rows, rejected_rows.c.delivery_id == deliveries.c.delivery_id)
        .where(deliveries.c.source_name.in_(sources))
    )
    with ledger.engine.connect() as audit:
        for name, columns, query in (
            ("load_log", _LOAD_LOG, loads.order_by(deliveries.c.delivery_id)),
            ("error_log", _ERROR_LOG, errors.order_by(rejected_rows.c.rejected_row_id)),
        ):
            connection.execute(f"create or replace table etl.{name} ({columns})")
            rows = audit.execute(query)
            names = list(rows.keys())
            for part in rows.partitions(10_000):
                frame = pa.table({key: [row[i] for row in part] for i, key in enumerate(names)})
                connection.register("part", frame)
                connection.execute(f"insert into etl.{name} select * from part")
                connection.unregister("part")
