"""Regular JSON lines through DuckDB, which takes all of a file or nothing."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from lakehouse.formats.json_columns import JsonColumn, RecordKeys
from lakehouse.formats.json_lines import MAX_RECORD_BYTES, RecordLines
from lakehouse.formats.staging_limits import StagingLimits
from lakehouse.lake.duckdb_session import bounded_session
from lakehouse.source_catalog import Table
from lakehouse.sql_quoting import sql_identifier, sql_path, sql_string

_MOST_KEY_SETS = 10_000
_PARQUET = "format parquet, compression lz4, row_group_size 61440, parquet_version v2"
_READ = (
    f"format = 'newline_delimited', maximum_object_size = {MAX_RECORD_BYTES}, "
    "compression = 'uncompressed', hive_partitioning = false"
)


def stage_regular(
    lines: RecordLines, table: Table, target: Path, limits: StagingLimits, *, where: str
) -> tuple[tuple[JsonColumn, ...], RecordKeys] | None:
    """Write every record of regular lines to a Parquet file of text.

    Args:
        lines: regular ones.
        table: with its contract.
        target: Parquet file to write.
        limits: of DuckDB.
        where: table and file, for messages.

    Returns:
        The columns and the keys they come from; None where a record is at fault, or lines are
        blank, so that each must be looked at.

    Raises:
        DeliveryRefused: a declared column is in no record.
    """
    with bounded_session(target.parent, threads=limits.threads, memory=limits.memory) as session:
        try:
            keys = _keys(session, lines, table)
            if keys is None:
                return None
            columns = keys.columns(where, rows=lines.lines)
            written = _copy(session, lines, columns, target)
        except (duckdb.OutOfMemoryException, duckdb.IOException):
            raise
        except duckdb.Error:
            return None
    return (columns, keys) if written == lines.lines else None


def _keys(
    session: duckdb.DuckDBPyConnection, lines: RecordLines, table: Table
) -> RecordKeys | None:
    found = session.execute(
        f"select keys, count(*) from (select json_keys(json) as keys "
        f"from read_json_objects({sql_path(lines.path)}, {_READ})) "
        f"group by keys order by count(*) desc, keys limit {_MOST_KEY_SETS + 1}"
    ).fetchall()
    keys = RecordKeys(table)
    if len(found) > _MOST_KEY_SETS or sum(count for _, count in found) != lines.lines:
        return None
    return None if any(keys.fault(tuple(names or ())) for names, _ in found) else keys


def _copy(
    session: duckdb.DuckDBPyConnection,
    lines: RecordLines,
    columns: Sequence[JsonColumn],
    target: Path,
) -> int:
    parents = {column.key for column in columns if len(column.steps) > 1}
    kinds = {column.key: "JSON" if column.key in parents else "VARCHAR" for column in columns}
    read = ", ".join(f"{sql_string(key)}: '{kind}'" for key, kind in kinds.items())
    selected = ", ".join(
        f"{_text(column, parents)} as {sql_identifier(column.name)}" for column in columns
    )
    copied = session.execute(
        f"copy (select {selected} from read_json({sql_path(lines.path)}, "
        f"columns = {{{read}}}, records = true, {_READ})) "
        f"to {sql_string(str(target.absolute()))} ({_PARQUET})"
    ).fetchone()
    return int(copied[0]) if copied else 0


def _text(column: JsonColumn, parents: set[str]) -> str:
    cell = sql_identifier(column.key)
    if column.key not in parents:
        return cell
    return f"json_extract_string({cell}, {sql_string(column.pointer or '$')})"
