"""From a staged file to one Parquet file of the lake: typed, numbered, complete on disk.

What is written here has no name that a reader sees; `load_file` commits it and renames it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.source_lines import source_line_sql
from lakehouse.formats.staged_file import RejectedRow, StagedFile
from lakehouse.formats.text_conversion import fault_sql, value_sql
from lakehouse.lake.duckdb_session import bounded_session
from lakehouse.lake.durable_files import sync
from lakehouse.source_catalog import Column, Table
from lakehouse.sql_quoting import sql_identifier, sql_path, sql_string

# Level 1 and page version 2: measured the fastest to write, and no larger than the defaults.
_PARQUET = "format parquet, compression zstd, compression_level 1, parquet_version v2"
_ROW_GROUP_ROWS = 122_880
_DICTIONARY_BYTES = 1_048_576
# Row group and dictionaries are buffered for each thread: beyond 20 columns they get smaller.
_ROW_GROUP_CELLS = 20 * _ROW_GROUP_ROWS
_VECTOR_ROWS = 2_048


@dataclass(frozen=True)
class WrittenBatch:
    """A Parquet file that is on disk, and the rows that did not fit their types."""

    rows: int
    bytes: int
    schema_hash: str
    rejects: tuple[RejectedRow, ...]


def write_batch(
    staged: StagedFile,
    table: Table,
    path: Path,
    *,
    batch_id: str,
    file_name: str,
    captured: Mapping[str, str],
    extracted_at: datetime,
    scratch: Path,
    threads: int,
    memory: str,
) -> WrittenBatch:
    """Convert a staged file to the declared types and write it to `path`, synced.

    The columns are those of the file, in the contract's types (text where undeclared), then
    those captured from the file's name, then `_batch_id`, `_extracted_at`, `_source_file` and
    `_source_line` (NULL where lines could not be counted).
    """
    declared = {column.name: column for column in table.columns}
    columns = [declared.get(name, Column(name=name)) for name in staged.header]
    faults = [
        (place, fault)
        for place, column in enumerate(columns)
        if (fault := fault_sql(column, staged.dialect, _cell(place))) is not None
    ]
    fine = " and ".join(f"({fault}) is null" for _, fault in faults) or "true"
    where = f"{table.full_name}, file {file_name}"
    with bounded_session(scratch, threads=threads, memory=memory, ordered=False) as session:
        selected = [_typed(column, staged, _cell(at)) for at, column in enumerate(columns)]
        for name in table.captured:
            column = declared.get(name, Column(name=name))
            _assert_fits(session, column, captured[name], staged, where)
            selected.append(_typed(column, staged, f"{sql_string(captured[name])}::varchar"))
        selected += [
            f"{sql_string(batch_id)} as _batch_id",
            f"timestamptz {sql_string(extracted_at.isoformat())} as _extracted_at",
            f"{sql_string(file_name)} as _source_file",
            "_line as _source_line",
        ]
        source = _numbered(session, staged)
        session.execute(
            f"copy (select {', '.join(selected)} from ({source}) where {fine}) "
            f"to {sql_string(str(path))} ({_PARQUET}, {_parquet_sizes(len(selected))})"
        )
        rows = _count(session, path)
        rejects = _misfits(session, source, columns, faults) if rows < staged.rows else ()
        schema = session.execute(
            f"describe select * from read_parquet({sql_path(path)}, hive_partitioning = false)"
        ).fetchall()
    if rows + len(rejects) != staged.rows:
        raise DeliveryRefused(
            f"{where}: {staged.rows} rows were read, but {rows} converted and {len(rejects)} did "
            "not. Report this file: rows would have been lost.",
            rows=staged.rows,
        )
    sync(path)
    sync(path.parent)
    schema_hash = hashlib.sha256(json.dumps([row[:2] for row in schema]).encode()).hexdigest()
    return WrittenBatch(rows, path.stat().st_size, schema_hash[:16], rejects)


def write_rejects(rejects: tuple[RejectedRow, ...], path: Path) -> None:
    """Write refused rows to a Parquet file: source_line, column, reason, value, raw."""
    rows = pa.table(
        {
            "source_line": pa.array([reject.line for reject in rejects], pa.int64()),
            "column": pa.array([reject.column for reject in rejects], pa.string()),
            "reason": pa.array([reject.reason for reject in rejects], pa.string()),
            "value": pa.array([reject.value for reject in rejects], pa.string()),
            "raw": pa.array([reject.raw for reject in rejects], pa.string()),
        }
    )
    with duckdb.connect() as session:
        session.register("rejects", rows)
        session.execute(f"copy rejects to {sql_string(str(path))} ({_PARQUET})")


def _parquet_sizes(columns: int) -> str:
    vectors = max(1, min(_ROW_GROUP_ROWS, _ROW_GROUP_CELLS // columns) // _VECTOR_ROWS)
    dictionary = max(1_024, min(_DICTIONARY_BYTES, 20 * _DICTIONARY_BYTES // columns))
    return (
        f"row_group_size {vectors * _VECTOR_ROWS}, string_dictionary_page_size_limit {dictionary}"
    )


def _typed(column: Column, staged: StagedFile, text: str) -> str:
    return f"{value_sql(column, staged.dialect, text)} as {sql_identifier(column.name)}"


def _assert_fits(
    session: duckdb.DuckDBPyConnection, column: Column, text: str, staged: StagedFile, where: str
) -> None:
    fault = fault_sql(column, staged.dialect, f"{sql_string(text)}::varchar")
    row = session.execute(f"select {fault}").fetchone() if fault else None
    if row and row[0] is not None:
        raise DeliveryRefused(
            f"{where}: {column.name}, which comes from the file's name, is {row[0]}. Rename the "
            "file, or correct the regex or the type.",
            rows=staged.rows + len(staged.rejects),
        )


def _cell(place: int) -> str:
    return f"cell_{place}"


def _numbered(session: duckdb.DuckDBPyConnection, staged: StagedFile) -> str:
    # Names by place: a delivered column may be called like one of ours.
    cells = ", ".join(_cell(place) for place in range(len(staged.header)))
    return (
        f"select {cells}, {source_line_sql(session, staged.line_breaks)} as _line "
        f"from read_parquet({sql_path(staged.path)}, hive_partitioning = false) as staged({cells})"
    )


def _misfits(
    session: duckdb.DuckDBPyConnection,
    source: str,
    columns: list[Column],
    faults: list[tuple[int, str]],
) -> tuple[RejectedRow, ...]:
    branches = " ".join(
        f"when ({fault}) is not null then {{'name': {sql_string(columns[place].name)}, "
        f"'reason': {fault}, 'cell': {_cell(place)}}}"
        for place, fault in faults
    )
    record = ", ".join(f"{sql_string(c.name)}: {_cell(at)}" for at, c in enumerate(columns))
    query = (
        f"select _line, fault.name, fault.reason, fault.cell, raw from ("
        f"select _line, case {branches} end as fault, to_json({{{record}}})::varchar as raw "
        f"from ({source})) where fault is not null order by _line"
    )
    return tuple(RejectedRow(*row) for row in session.execute(query).fetchall())


def _count(session: duckdb.DuckDBPyConnection, path: Path) -> int:
    query = f"select sum(num_rows) from parquet_file_metadata({sql_path(path)})"
    row = session.execute(query).fetchone()
    return int(row[0]) if row and row[0] is not None else 0
