"""The greatest value of a table's cursor column among staged records, as it was delivered."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from lakehouse.formats.staged_file import StagedFile
from lakehouse.formats.staging_limits import StagingLimits
from lakehouse.formats.text_conversion import value_sql
from lakehouse.lake.duckdb_session import bounded_session
from lakehouse.source_catalog import Column, Table
from lakehouse.sql_quoting import sql_identifier, sql_path


def greatest_cursor(
    parts: Sequence[StagedFile], table: Table, scratch: Path, limits: StagingLimits
) -> str | None:
    """Find it, compared as the declared type and told as delivered.

    Values that do not convert belong to rows that are refused and do not count.

    Returns:
        None where no record has one.
    """
    declared = {column.name: column for column in table.columns}
    name = table.meta.cursor or ""
    column = declared.get(name, Column(name=name))
    best: tuple[object, str] | None = None
    with bounded_session(scratch, threads=limits.threads, memory=limits.memory) as session:
        for part in parts:
            found = _greatest(session, part, column)
            if found and (best is None or found[0] > best[0]):  # type: ignore[operator]
                best = found
    return best[1] if best else None


def _greatest(
    session: duckdb.DuckDBPyConnection, part: StagedFile, column: Column
) -> tuple[object, str] | None:
    if column.name not in part.header:
        return None
    place = part.header.index(column.name)
    source = f"read_parquet({sql_path(part.path)}, hive_partitioning = false)"
    described = session.execute(f"describe from {source}").fetchall()
    name, kind = described[place][:2]
    cell = sql_identifier(name)
    value = value_sql(column, part.dialect, cell) if kind == "VARCHAR" else cell
    row = session.execute(
        f"select max({value}), arg_max({cell}::varchar, {value}) from {source}"
    ).fetchone()
    return (row[0], str(row[1])) if row and row[0] is not None else None
