"""What Spark built, as views of the warehouse over the Parquet files that it wrote.

`etl.spark_tables` says where the files of each view lie. It changes with the views, in one
transaction; files that no view shows are removed afterwards.
"""

import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import duckdb

from lakehouse.errors import LakeDamaged
from lakehouse.lake.insert_rows import insert_rows
from lakehouse.sql_quoting import glob_literal, sql_identifier, sql_string
from lakehouse.transform.spark.session_plan import ShownTable
from lakehouse.transform.spark.spark_types import spark_type

_COMMITTED = "_SUCCESS"
"""Spark writes it last into the folder of a table; one that failed half-way has none."""
_SCHEMA = ".db"
_BUILD = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}")


def new_build_folder(folder: Path, now: datetime) -> Path:
    """Make the folder of a build; no two have the same.

    Args:
        folder: of the domain.
        now: when the build begins, in UTC.
    """
    place = folder / f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
    place.mkdir(parents=True)
    return place


def written_tables(tables_dir: Path) -> list[ShownTable]:
    """Tables that a build wrote to their end.

    Args:
        tables_dir: with a folder `<schema>.db/<table>` for each.
    """
    return [
        ShownTable(
            done.parent.parent.name.removesuffix(_SCHEMA), done.parent.name, str(done.parent)
        )
        for done in sorted(tables_dir.glob(f"*{_SCHEMA}/*/{_COMMITTED}"))
    ]


def adopted_tables(connection: duckdb.DuckDBPyConnection) -> list[ShownTable]:
    """Tables of earlier builds that the warehouse still shows.

    Raises:
        LakeDamaged: the files of one are gone.
    """
    tables = [_with_columns(connection, *row) for row in _shown_rows(connection)]
    for table in tables:
        if not Path(str(table.folder), _COMMITTED).is_file():
            raise LakeDamaged(
                f"{table.schema}.{table.name}: its files in {table.folder} are gone. Restore them, "
                "or delete the domain's warehouse: the next run builds everything again from RAW."
            )
    return tables


def _shown_rows(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """Schema, name and folder of each view over what Spark built."""
    if not connection.execute(
        "select 1 from duckdb_tables() where schema_name = 'etl' and table_name = 'spark_tables'"
    ).fetchone():
        return []
    # A table of that name came back when the domain was built in the warehouse itself.
    return connection.execute(
        "select s.schema_name, s.table_name, s.folder from etl.spark_tables s "
        "join duckdb_views() v on v.schema_name = s.schema_name and v.view_name = s.table_name "
        "where contains(v.sql, s.folder) order by all"
    ).fetchall()


def _with_columns(
    connection: duckdb.DuckDBPyConnection, schema: str, name: str, folder: str
) -> ShownTable:
    """The table with its columns, which spares the session a look into its files."""
    found = connection.execute(
        "select column_name, data_type from duckdb_columns() where database_name = "
        "current_database() and schema_name = ? and table_name = ? order by column_index",
        [schema, name],
    ).fetchall()
    columns = tuple((str(column), spark_type(str(kind))) for column, kind in found)
    known = tuple((column, kind) for column, kind in columns if kind)
    return ShownTable(schema, name, folder, known if len(known) == len(columns) else None)


def adopt_tables(
    connection: duckdb.DuckDBPyConnection,
    known: Sequence[ShownTable],
    written: Sequence[ShownTable],
) -> list[ShownTable]:
    """Make what was written part of the warehouse, in place of what it had under those names.

    Args:
        connection: the warehouse.
        known: what it shows of earlier builds.
        written: what the build wrote.

    Returns:
        All tables of Spark that the warehouse shows now.
    """
    shown = {(table.schema, table.name): table for table in (*known, *written)}
    connection.execute("begin")
    for table in written:
        _show(connection, table)
    connection.execute(
        "create or replace table etl.spark_tables "
        "(schema_name varchar, table_name varchar, folder varchar)"
    )
    rows = [[table.schema, table.name, table.folder] for table in shown.values()]
    insert_rows(connection, "etl.spark_tables", rows)
    connection.execute("commit")
    return list(shown.values())


def drop_seeds(connection: duckdb.DuckDBPyConnection, seeds: Collection[str]) -> None:
    """Drop the views of Spark's seeds, so that dbt makes tables of them: it fills no view.

    Args:
        connection: the warehouse, in which the domain is built again.
        seeds: names of the project's seeds.
    """
    for schema, name, _ in _shown_rows(connection):
        if name in seeds:
            connection.execute(f"drop view {sql_identifier(schema)}.{sql_identifier(name)}")


def _show(connection: duckdb.DuckDBPyConnection, table: ShownTable) -> None:
    name = f"{sql_identifier(table.schema)}.{sql_identifier(table.name)}"
    connection.execute(f"create schema if not exists {sql_identifier(table.schema)}")
    found = connection.execute(
        "select table_type from information_schema.tables where table_catalog = current_database() "
        "and table_schema = ? and table_name = ?",
        [table.schema, table.name],
    ).fetchone()
    if found and found[0] != "VIEW":
        connection.execute(f"drop table {name}")
    files = sql_string(f"{glob_literal(Path(str(table.folder)))}/*.parquet")
    connection.execute(
        f"create or replace view {name} as from read_parquet({files}, hive_partitioning = false)"
    )


def size_of(connection: duckdb.DuckDBPyConnection, table: ShownTable) -> tuple[int, int]:
    """Rows and bytes of a table's files; rows as the files themselves tell them."""
    folder = Path(str(table.folder))
    files = sql_string(f"{glob_literal(folder)}/*.parquet")
    row = connection.execute(
        f"select coalesce(sum(num_rows), 0) from parquet_file_metadata({files})"
    ).fetchone()
    size = sum(path.stat().st_size for path in folder.glob("*.parquet"))
    return (int(row[0]) if row else 0), size


def remove_unused(folder: Path, shown: Iterable[ShownTable]) -> None:
    """Remove the tables and plans of builds that the warehouse does not show any more.

    Args:
        folder: of the domain, with a folder for each build.
        shown: tables that stay.
    """
    kept = {Path(str(table.folder)) for table in shown}
    # Whatever else lies there is not ours: the setting may point to the wrong folder.
    for build in [one for one in _folders(folder) if _BUILD.fullmatch(one.name)]:
        for table in [one for schema in _folders(build / "tables") for one in _folders(schema)]:
            if table not in kept:
                shutil.rmtree(table)
        if not any(build in table.parents for table in kept):
            shutil.rmtree(build)
        else:
            shutil.rmtree(build / "etl", ignore_errors=True)


def _folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.is_dir())
