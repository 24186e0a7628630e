"""Columns on their way from a reader to a staged Parquet file, in bounded batches.

Also what every format with named columns asks of those names. What a cell's text means is the
contract's business, not this module's.
"""

import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.source_catalog import METADATA_COLUMNS, Table

LINE_COLUMN = "_source_line"
NEW_COLUMNS_LIMIT = 2_000
_ROW_GROUP_ROWS = 60_000
_ROW_GROUP_BYTES = 32 << 20


def expected_columns(table: Table) -> tuple[str, ...]:
    """Declared columns that the content itself has to bring, not the name of the file."""
    return tuple(column.name for column in table.columns if column.name not in table.captured)


def name_faults(names: Sequence[str], table: Table) -> list[str]:
    """What keeps delivered column names from being those of the table, in words.

    Args:
        names: as delivered, stripped.
        table: with its contract; names are compared as they are.

    Returns:
        Missing, blank, doubled and reserved names; empty if the names keep the contract.
    """
    faults = []
    folded = [name.casefold() for name in names]
    if missing := [name for name in expected_columns(table) if name not in names]:
        faults.append(f"missing columns: {', '.join(missing)}{_case_hint(missing, names)}")
    if blank := [str(place) for place, name in enumerate(names, 1) if not name]:
        faults.append(f"columns without a name at place {', '.join(blank)}")
    if doubled := sorted({name for name in folded if name and folded.count(name) > 1}):
        faults.append(f"columns that come twice: {', '.join(doubled)}")
    ours = {name.casefold() for name in (*METADATA_COLUMNS, *table.captured)}
    if reserved := [name for name in names if name.casefold() in ours]:
        faults.append(f"columns that the lake adds itself: {', '.join(reserved)}")
    if len(names) > len(table.columns) + NEW_COLUMNS_LIMIT:
        faults.append(f"{len(names)} columns, of which {len(table.columns)} are declared")
    return faults


def _case_hint(missing: Sequence[str], names: Sequence[str]) -> str:
    delivered = {name.casefold(): name for name in names}
    close = [delivered[name.casefold()] for name in missing if name.casefold() in delivered]
    return f" (delivered in other letters: {', '.join(close)})" if close else ""


class StagedWriter:
    """Writes batches to one Parquet file; a batch may bring columns that none before it had.

    Each set of columns is a file of its own until `finish`, as Parquet cannot grow a column. The
    files are removed if the work ends otherwise.
    """

    def __init__(self, target: Path) -> None:
        self.rows = 0
        self._target = target
        self._pieces: list[Path] = []
        self._pending: list[pa.Table] = []
        self._schema = pa.schema([])
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> "StagedWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._pending = []
        try:
            self._close()
        finally:
            for piece in self._pieces:
                piece.unlink(missing_ok=True)
            if kind is not None:
                self._target.unlink(missing_ok=True)

    def write(self, batch: pa.Table) -> None:
        """Append a batch; a column keeps the type of the batch that brought it."""
        if self._writer is None or not batch.schema.equals(self._schema):
            self._schema = batch.schema
            self._close()
            self._pieces.append(self._target.with_name(f"piece-{uuid.uuid4().hex}.parquet"))
            self._writer = _writer(self._pieces[-1], batch.schema)
        self._pending.append(batch)
        self.rows += batch.num_rows
        rows = sum(waiting.num_rows for waiting in self._pending)
        if rows >= _ROW_GROUP_ROWS or sum(b.nbytes for b in self._pending) >= _ROW_GROUP_BYTES:
            self._flush()

    def finish(self, columns: Iterable[tuple[str, pa.DataType]]) -> None:
        """Close the file.

        Args:
            columns: all of them, with their types, in the order that the file gets; where a
                batch had none of a column it is NULL.
        """
        schema = pa.schema(list(columns))
        is_whole = len(self._pieces) == 1 and schema.equals(self._schema)
        self._close()
        if is_whole:
            self._pieces.pop().rename(self._target)
            return
        with _writer(self._target, schema) as writer:
            for piece in self._pieces:
                with pq.ParquetFile(piece) as delivered:
                    for group in range(delivered.num_row_groups):
                        writer.write_table(_fitted(delivered.read_row_group(group), schema))

    def _flush(self) -> None:
        if self._writer is not None and self._pending:
            self._writer.write_table(pa.concat_tables(self._pending))
        self._pending = []

    def _close(self) -> None:
        if self._writer is not None:
            self._flush()
            self._writer.close()
            self._writer = None


def _fitted(batch: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        batch.column(field.name)
        if field.name in batch.column_names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        path, schema, compression="lz4", use_dictionary=False, write_statistics=False
    )
