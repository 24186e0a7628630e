"""What Spark is shown of the warehouse: the tables of RAW and the schema `etl`.

RAW is read where it lies. A column has one type in all files there, which the contract's type is
made from; files of different types are united by DuckDB's views only.
"""

from collections.abc import Iterator
from pathlib import Path

import duckdb

from lakehouse.errors import RawUnfitForSpark
from lakehouse.lake.partition_layout import table_folder, table_glob
from lakehouse.source_catalog import Catalog, Table
from lakehouse.sql_quoting import sql_identifier, sql_path, sql_string
from lakehouse.transform.spark.session_plan import ShownTable
from lakehouse.transform.spark.spark_types import spark_identifier, spark_type

_ETL = "etl"


def shown_raw(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, raw: Path
) -> Iterator[ShownTable]:
    """The raw tables of a domain, with the columns and types of the warehouse's raw views.

    Args:
        connection: the warehouse, with its raw views.
        catalog: sources of the domain.
        raw: root of the RAW lake.

    Raises:
        RawUnfitForSpark: naming the table and the column that Spark cannot read.
    """
    for table in catalog.tables:
        view = f"{sql_identifier(table.schema_name)}.{sql_identifier(table.name)}"
        shown = _described(connection, f"describe {view}")
        folder = table_folder(raw, table.source, table.name)
        files = any(folder.rglob("*.parquet"))
        held = _held(connection, table, raw) if files else {}
        selected = [_selected(table, name, kind, held) for name, kind in shown.items()]
        yield ShownTable(
            schema=table.schema_name,
            name=table.name,
            folder=str(folder.absolute()) if files else None,
            columns=tuple((name, _named(table, name, kind)) for name, kind in held.values()),
            select=", ".join(selected),
        )


def shown_etl(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[ShownTable]:
    """The tables of the schema `etl`, written to Parquet: deliveries, and which of them count.

    Args:
        connection: the warehouse.
        folder: where they are written, at the same path for driver and executors.
    """
    names = connection.execute(
        "select table_name from duckdb_tables() where schema_name = ? and not internal order by 1",
        [_ETL],
    ).fetchall()
    shown = []
    for (name,) in names:
        own = folder / str(name)
        own.mkdir(parents=True)
        connection.execute(
            f"copy {_ETL}.{sql_identifier(name)} to {sql_path(own / 'rows.parquet')} "
            "(format parquet)"
        )
        shown.append(ShownTable(_ETL, str(name), str(own)))
    return shown


def _selected(table: Table, name: str, kind: str, held: dict[str, tuple[str, str]]) -> str:
    wanted, quoted = _named(table, name, kind), spark_identifier(name)
    if name.lower() not in held:
        return f"cast(null as {wanted}) as {quoted}"
    own, own_kind = held[name.lower()]
    value = spark_identifier(own)
    if own_kind != kind:
        value = f"try_cast({value} as {wanted})"
    return f"{value} as {quoted}"


def _held(
    connection: duckdb.DuckDBPyConnection, table: Table, raw: Path
) -> dict[str, tuple[str, str]]:
    """Name and DuckDB type of each column that files have, by its lower-case name."""
    place = sql_string(table_glob(raw, table.source, table.name))
    mixed = connection.execute(
        "select min(name) from ("
        "  select file_name, lower(name) as name, type, coalesce(logical_type, '') as logical_type"
        f"  from parquet_schema({place}) where num_children is null"
        ") group by name having count(distinct (type, logical_type)) > 1 order by 1"
    ).fetchone()
    if mixed:
        raise RawUnfitForSpark(
            f"{table.full_name}, column {mixed[0]}: files in the lake hold it in different types, "
            "which Spark does not read as one table. Deliver the older files again, or build this "
            "domain on the target embedded."
        )
    found = _described(
        connection,
        f"describe from read_parquet({place}, union_by_name = true, hive_partitioning = false)",
    )
    return {name.lower(): (name, kind) for name, kind in found.items()}


def _described(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    return {str(row[0]): str(row[1]) for row in connection.execute(query).fetchall()}


def _named(table: Table, column: str, kind: str) -> str:
    named = spark_type(kind)
    if named is None:
        raise RawUnfitForSpark(
            f"{table.full_name}, column {column}: Spark has no type for {kind}. Declare another "
            "one, or build this domain on the target embedded."
        )
    return named
