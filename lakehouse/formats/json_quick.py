"""Regular JSON lines through DuckDB, which takes all of a file or nothing."""

import json
from collections.abc import Sequence
from pathlib import Path

import duckdb

from lakehouse.formats.json_columns import JsonColumn, RecordKeys
from lakehouse.formats.json_lines import MAX_RECORD_BYTES, RecordLines
from lakehouse.formats.json_numbers import holds_mark_sql, marked_numbers_sql, unmarked_sql
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
    selected = ", ".join(
        f"{_text(column, parents, lines)} as {sql_identifier(column.name)}" for column in columns
    )
    source = _plain_source(lines, kinds) if lines.keeps_numbers else _marked_source(lines, kinds)
    copied = session.execute(
        f"copy (select {selected} from {source}) "
        f"to {sql_string(str(target.absolute()))} ({_PARQUET})"
    ).fetchone()
    return int(copied[0]) if copied else 0


def _plain_source(lines: RecordLines, kinds: dict[str, str]) -> str:
    read = ", ".join(f"{sql_string(key)}: '{kind}'" for key, kind in kinds.items())
    return f"read_json({sql_path(lines.path)}, columns = {{{read}}}, records = true, {_READ})"


def _marked_source(lines: RecordLines, kinds: dict[str, str]) -> str:
    marked = (
        f"case when {holds_mark_sql('json')} then error('the mark of numbers is taken') "
        f"else {marked_numbers_sql('json::varchar')} end"
    )
    structure = sql_string(json.dumps(kinds))
    return (
        f"(select unnest(record) from (select json_transform({marked}, {structure}) as record "
        f"from read_json_objects({sql_path(lines.path)}, {_READ})))"
    )


def _text(column: JsonColumn, parents: set[str], lines: RecordLines) -> str:
    cell = sql_identifier(column.key)
    if column.key in parents:
        cell = f"json_extract_string({cell}, {sql_string(column.pointer or '$')})"
    if lines.keeps_numbers:
        return cell
    text = unmarked_sql(cell)
    exponent = f"case when regexp_matches({cell}, '[eE]') then error('an exponent') else {text} end"
    return exponent if column.is_exact else text
