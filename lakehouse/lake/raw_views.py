"""What dbt sees of the lake: `raw.*` views and `etl.current_batches`, in the domain's warehouse.

Columns come in the contract's order and types whatever the files hold: a column missing from old
files is NULL, and a table without deliveries is an empty view of the right types.
"""

from collections.abc import Iterable, Sequence

import duckdb

from lakehouse.errors import LakeDamaged, LakeUnavailable
from lakehouse.format_options import CsvDialect
from lakehouse.formats.native_conversion import cast_fault_sql
from lakehouse.formats.text_conversion import fault_sql, value_sql
from lakehouse.lake.batch_store import Scan
from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.insert_rows import insert_rows
from lakehouse.lake.ledger import CurrentBatch
from lakehouse.lake.load_log import write_logs
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.warehouse import Warehouse, prepare_warehouse
from lakehouse.source_catalog import Catalog, Column, Table
from lakehouse.sql_quoting import sql_identifier, sql_string

_NOT_FOUND = 404
_METADATA = (
    ("_batch_id", "VARCHAR"),
    ("_extracted_at", "TIMESTAMP WITH TIME ZONE"),
    ("_source_file", "VARCHAR"),
    ("_source_line", "BIGINT"),
)
_CURRENT_BATCHES = (
    ("source_name", "VARCHAR"),
    ("table_name", "VARCHAR"),
    ("batch_id", "VARCHAR"),
    ("sequence", "BIGINT"),
)


def register_raw(
    catalog: Catalog, lake: RawLake, warehouse: Warehouse, run: str
) -> list[CurrentBatch]:
    """Recover the lake's tables and make them visible in the warehouse.

    The caller is the domain's writer.

    Returns:
        The batches that count now.

    Raises:
        LakeDamaged: the file of a batch that counts is not in the lake, cannot be read, or holds
            values that do not fit the contract as it is now.
        WarehouseUnusable: another process has the warehouse open, or it is damaged.
    """
    for table in catalog.tables:
        _recover(table, lake, run)
    current = lake.ledger.current_batches(catalog.tables)
    for table in catalog.tables:
        if _missing(table, current, lake):
            # A load may be between its commit and its rename: its lock tells when it is not.
            _recover(table, lake, run)
            _assert_whole(table, _missing(table, current, lake))
    prepare_warehouse(warehouse)
    with open_warehouse(warehouse) as connection:
        connection.execute("begin")
        connection.execute("create schema if not exists etl")
        for schema in sorted({table.schema_name for table in catalog.tables}):
            connection.execute(f"create schema if not exists {sql_identifier(schema)}")
        _write_current(connection, current)
        for table in catalog.tables:
            connection.execute(view_sql(connection, table, _scan(table, lake)))
        write_logs(connection, catalog, lake.ledger)
        connection.execute("commit")
    return current


def view_sql(connection: duckdb.DuckDBPyConnection, table: Table, scan: Scan | None) -> str:
    """SQL that makes the raw view of a table over the files it has now.

    Columns that only files have come last, as they are. The view names its columns, so that it
    stays valid when a later file brings another one.

    Args:
        connection: to the warehouse, with `etl.current_batches` written.
        table: with its contract.
        scan: its files; None if it has none.

    Raises:
        LakeDamaged: a file cannot be read, or a value that counts does not fit its declared type.
        LakeUnavailable: the bucket does not answer.
    """
    name = f"{sql_identifier(table.schema_name)}.{sql_identifier(table.name)}"
    typed = dict((*table.lake_columns, *_METADATA))
    if scan is None:
        nothing = ", ".join(f"null::{kind} as {sql_identifier(n)}" for n, kind in typed.items())
        return f"create or replace view {name} as select {nothing} where false"
    files = scan.sql()
    try:
        rows = connection.execute(f"describe from {files}").fetchall()
    except duckdb.Error as error:
        cause = str(error).partition("\n")[0]
        is_gone = isinstance(error, duckdb.HTTPException) and error.status_code == _NOT_FOUND
        if scan.remote and isinstance(error, duckdb.IOException) and not is_gone:
            raise LakeUnavailable(
                f"{table.full_name}: its files in the lake cannot be read now: {cause}. Run again "
                "later."
            ) from None
        raise LakeDamaged(
            f"{table.full_name}: its files in the lake cannot be read: {cause}. Restore the file "
            "that is named, or remove it and run ingest with its delivery in the landing folder."
        ) from error
    found = {str(row[0]).lower(): (str(row[0]), str(row[1])) for row in rows}
    selected = []
    for column, kind in typed.items():
        delivered, delivered_kind = found.pop(column.lower(), (None, kind))
        value = sql_identifier(delivered) if delivered else "null"
        if delivered_kind != kind:
            if delivered:
                _assert_convertible(connection, table, (delivered, delivered_kind), column, scan)
            value = f"try_cast({value} as {kind})"
        selected.append(f"{value}::{kind} as {sql_identifier(column)}")
    selected += [sql_identifier(column) for column, _ in found.values()]
    return f"create or replace view {name} as select {', '.join(selected)} from {files}"


def _assert_convertible(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    delivered: tuple[str, str],
    column: str,
    scan: Scan,
) -> None:
    """Make sure that what older files hold means the same under the contract as it is now.

    Text of a file may be in any of the table's dialects, so that it must have one meaning in all
    of them; a typed value must survive the cast and the way back.
    """
    name, kind = delivered
    declared = next((c for c in table.columns if c.name == column), Column(name=column))
    value = sql_identifier(name)
    bad = cast_fault_sql(declared, kind, value) if kind != "VARCHAR" else None
    source = scan.sql()
    if kind == "VARCHAR":
        # Files that have the type already give text only because others do not.
        named = scan.sql("filename = 'delivered_in'")
        source = (
            f"{named} where delivered_in in ("
            f"select file_name from parquet_schema({scan.files}) "
            f"where lower(name) = {sql_string(name.lower())} and type = 'BYTE_ARRAY')"
        )
        bad = _ambiguity_sql(table, declared, value)
    if bad is None:
        return
    row = connection.execute(
        f"select count(*), min(_source_file) from (from {source}) where ({bad}) is not null "
        f"and _batch_id in (select batch_id from etl.current_batches)"
    ).fetchone()
    if row and row[0]:
        raise LakeDamaged(
            f"{table.full_name}, column {column}: {row[0]} values loaded under an older contract, "
            f"the first in {row[1]}, are no {declared.data_type} without doubt. Give the column "
            f"its old type back in {table.file.name} and convert it in staging, or deliver those "
            "files again."
        )


def _ambiguity_sql(table: Table, column: Column, value: str) -> str | None:
    """SQL that is not NULL where a text is no value, or another one in another dialect."""
    plain = CsvDialect()
    fault = fault_sql(column, plain, value)
    if fault is None:
        return None
    meaning = value_sql(column, plain, value)
    others = [
        f"when ({value_sql(column, dialect, value)}) <> ({meaning}) then 'of two meanings'"
        for dialect in table.meta.dialects
        if dialect != plain
    ]
    return f"case when ({fault}) is not null then 'none' {' '.join(others)} end"


def _scan(table: Table, lake: RawLake) -> Scan | None:
    return lake.store.scan(
        table.source, table.name, lambda: lake.ledger.batches_of(table.source, table.name)
    )


def _recover(table: Table, lake: RawLake, run: str) -> None:
    if not lake.store.needs_recovery():
        return
    with lake.writer_of(table, run):
        lake.recover(table.source, table.name)


def _missing(table: Table, current: Iterable[CurrentBatch], lake: RawLake) -> list[str]:
    counts = {
        batch.batch_id
        for batch in current
        if (batch.source_name, batch.table_name) == (table.source, table.name)
    }
    return sorted(lake.lost(table, counts))


def _assert_whole(table: Table, missing: list[str]) -> None:
    if missing:
        raise LakeDamaged(
            f"{table.full_name}: {len(missing)} files that count are not in the lake, such as "
            f"{missing[0]}.parquet. Restore them, or put the deliveries back into their landing "
            "folder and run ingest."
        )


def _write_current(connection: duckdb.DuckDBPyConnection, current: Sequence[CurrentBatch]) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in _CURRENT_BATCHES)
    connection.execute(f"create or replace table etl.current_batches ({columns})")
    rows = [[getattr(batch, name) for name, _ in _CURRENT_BATCHES] for batch in current]
    insert_rows(connection, "etl.current_batches", rows)
