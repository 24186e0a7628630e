"""The shortest way from olist's files to tables that dbt can build on: plain DuckDB, no ledger.

Run: python benchmarks/olist_bare.py FILES WAREHOUSE THREADS
"""

import sys
from pathlib import Path

import duckdb

from lakehouse.lake.load_log import LOAD_LOG_COLUMNS, REJECTED_ROWS_COLUMNS
from lakehouse.settings import PROJECT_ROOT
from lakehouse.source_catalog import Table, load_catalog
from lakehouse.sql_quoting import sql_identifier, sql_string

DOMAIN = "olist"


def main(folder: str, warehouse: str, threads: str) -> None:
    """Read each table's file into the warehouse, with the columns that the SQL asks for."""
    tables = load_catalog(PROJECT_ROOT / "dbt", DOMAIN).tables
    with duckdb.connect(warehouse, config={"threads": int(threads)}) as connection:
        for schema in ("raw", "etl"):
            connection.execute(f"create schema {schema}")
        connection.execute(f"create table etl.load_log ({LOAD_LOG_COLUMNS})")
        connection.execute(f"create table etl.rejected_rows ({REJECTED_ROWS_COLUMNS})")
        connection.execute(
            "create table etl.current_batches "
            "(source_name varchar, table_name varchar, batch_id varchar, sequence bigint)"
        )
        for number, table in enumerate(tables, start=1):
            (file,) = Path(folder).glob(table.meta.pattern or "")
            _read(connection, table, file)
            _note(connection, table, file, number)


def _read(connection: duckdb.DuckDBPyConnection, table: Table, file: Path) -> None:
    kinds = ", ".join(
        f"{sql_string(name)}: {sql_string(kind)}" for name, kind in table.lake_columns
    )
    connection.execute(
        f"create table raw.{sql_identifier(table.name)} as select *, "
        f"{sql_string(file.name)} as _batch_id, now() as _extracted_at, "
        f"{sql_string(file.name)} as _source_file, row_number() over () + 1 as _source_line "
        f"from read_csv({sql_string(str(file))}, header = true, quote = '\"', escape = '\"', "
        f"columns = {{{kinds}}}, null_padding = false)"
    )


def _note(connection: duckdb.DuckDBPyConnection, table: Table, file: Path, number: int) -> None:
    connection.execute(
        "insert into etl.current_batches values (?, ?, ?, ?)",
        [table.source, table.name, file.name, number],
    )
    counted = connection.execute(f"select count(*) from raw.{sql_identifier(table.name)}")
    (rows,) = counted.fetchone() or (0,)
    connection.execute(
        "insert into etl.load_log by name select ? as batch_id, ? as source_name, "
        "? as table_name, ? as file_name, ? as rows_delivered, ? as rows_loaded, "
        "0 as rows_rejected, now() as started_at, 'loaded' as status, ? as delivery_id",
        [file.name, table.source, table.name, file.name, rows, rows, number],
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
