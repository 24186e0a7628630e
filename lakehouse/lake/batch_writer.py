"""From staged parts to one Parquet file of the lake: typed, numbered, complete on disk.

What is written here has no name that a reader sees; `load_delivery` commits it and renames it.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from lakehouse.errors import DeliveryRefused, RowsUnfit
from lakehouse.formats.staged_file import EmptiedCell, RejectedRow, StagedFile
from lakehouse.lake.duckdb_session import bounded_session
from lakehouse.lake.durable_files import sync
from lakehouse.lake.load_limits import exceeds_limit
from lakehouse.lake.staged_sql import PartSql
from lakehouse.source_catalog import Table
from lakehouse.sql_quoting import sql_identifier, sql_path, sql_string

# Level 1 and page version 2: measured the fastest to write, and no larger than the defaults.
_PARQUET = "format parquet, compression zstd, compression_level 1, parquet_version v2"
_ROW_GROUP_ROWS = 24_576
_DICTIONARY_BYTES = 1_048_576
# Both are buffered for each thread: beyond 60 and 20 columns row group and dictionary shrink.
_ROW_GROUP_CELLS = 60 * _ROW_GROUP_ROWS
_VECTOR_ROWS = 2_048
REFUSED_SHOWN = 1_000


@dataclass(frozen=True)
class WrittenBatch:
    """A Parquet file that is on disk, the rows that did not fit and the cells that were emptied.

    Attributes:
        rejects: all of the rows that did not fit; the first of them if the delivery is refused.
        emptied: the first thousand of each column.
        rejected: how many rows did not fit.
    """

    rows: int
    bytes: int
    schema_hash: str
    rejects: tuple[RejectedRow, ...]
    emptied: tuple[EmptiedCell, ...] = ()
    rejected: int = 0


def write_batch(
    parts: Sequence[StagedFile],
    table: Table,
    path: Path,
    *,
    batch_id: str,
    file_name: str,
    extracted_at: datetime,
    scratch: Path,
    threads: int,
    memory: str,
) -> WrittenBatch:
    """Convert the parts of a delivery to the declared types and write them to `path`, synced.

    The columns are those delivered, in the contract's types (text where undeclared), then those
    captured, then `_batch_id`, `_extracted_at`, `_source_file` and `_source_line` (NULL where
    lines are not known).

    Raises:
        DeliveryRefused: the contract refuses the whole delivery, or rows would have been lost.
    """
    where = f"{table.full_name}, file {file_name}"
    staged = sum(part.rows for part in parts)
    with bounded_session(scratch, threads=threads, memory=memory, ordered=False) as session:
        readings = [PartSql.of(session, part, table, file_name) for part in parts]
        for reading in readings:
            reading.assert_captured_fit(where)
        constants = (
            f"{sql_string(batch_id)} as _batch_id, "
            f"timestamptz {sql_string(extracted_at.isoformat())} as _extracted_at"
        )
        selected = " union all by name ".join(reading.rows_sql(constants) for reading in readings)
        columns = 4 + max(len(reading.columns) for reading in readings)
        session.execute(
            f"copy ({selected}) to {sql_string(str(path))} ({_PARQUET}, {_parquet_sizes(columns)})"
        )
        rows = _count(session, path)
        rejects: list[RejectedRow] = []
        is_refused = exceeds_limit(table, rows, staged - rows)
        if rows < staged:
            # A refused delivery is kept whole: its rows need not fit into memory.
            for reading in readings:
                rejects += reading.misfits(REFUSED_SHOWN if is_refused else None)
        emptied: list[EmptiedCell] = []
        if rows < staged or _lacks_cells(session, path, readings):
            emptied = [cell for reading in readings for cell in reading.emptied_cells()]
        schema = session.execute(
            f"describe select * from read_parquet({sql_path(path)}, hive_partitioning = false)"
        ).fetchall()
    if rows + len(rejects) != staged and not is_refused:
        raise DeliveryRefused(
            f"{where}: {staged} rows were read, but {rows} converted and {len(rejects)} did "
            "not. Report this file: rows would have been lost.",
            rows=staged,
        )
    if emptied and table.meta.database and table.meta.database.invalid_dates == "fail":
        raise RowsUnfit(
            f"{where}: {len(emptied)} dates or numbers do not exist, first: column "
            f"{emptied[0].column}, {emptied[0].reason}. Correct them, or set invalid_dates: "
            "'null' for this table.",
            rows=staged,
        )
    sync(path)
    sync(path.parent)
    schema_hash = hashlib.sha256(json.dumps([row[:2] for row in schema]).encode()).hexdigest()
    return WrittenBatch(
        rows,
        path.stat().st_size,
        schema_hash[:16],
        tuple(rejects),
        tuple(emptied),
        staged - rows,
    )


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


def _lacks_cells(
    session: duckdb.DuckDBPyConnection, path: Path, readings: Sequence[PartSql]
) -> bool:
    """Tell whether a column has fewer values in the file than were delivered: quicker than why."""
    delivered: Counter[str] = Counter()
    for reading in readings:
        delivered.update(reading.cells_delivered())
    if not delivered:
        return False
    counts = ", ".join(f"count({sql_identifier(name)})" for name in delivered)
    row = session.execute(
        f"select {counts} from read_parquet({sql_path(path)}, hive_partitioning = false)"
    ).fetchone()
    return list(row or ()) != list(delivered.values())


def _count(session: duckdb.DuckDBPyConnection, path: Path) -> int:
    query = f"select sum(num_rows) from parquet_file_metadata({sql_path(path)})"
    row = session.execute(query).fetchone()
    return int(row[0]) if row and row[0] is not None else 0
