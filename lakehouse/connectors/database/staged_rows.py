"""Batches of rows into a scratch Parquet file, hashed and counted on the way."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.connectors.database.content_hash import ContentHash
from lakehouse.connectors.database.dialect import ServerColumn


@dataclass(frozen=True)
class StagedRows:
    """A scratch Parquet file with rows of a query.

    Attributes:
        sha256: of its rows in their order; see `ContentHash`.
        greatest: value of the cursor column, if one was asked for and any is not NULL.
    """

    path: Path
    rows: int
    bytes: int
    sha256: str
    greatest: Any = None


def stage_rows(
    batches: Iterable[pa.RecordBatch],
    columns: Sequence[ServerColumn],
    path: Path,
    *,
    cursor: int | None = None,
    on_rows: Callable[[int], None] = lambda _: None,
) -> StagedRows:
    """Write batches to `path` while the next one is being read.

    Args:
        batches: with the names and types of `columns`.
        columns: of the rows.
        path: new file.
        cursor: place of the column whose greatest value is wanted.
        on_rows: told the number of rows so far.

    Raises:
        OSError: the disk is full.
    """
    schema = pa.schema([(column.name, column.arrow_type) for column in columns])
    with _RowsWriter(schema, path, cursor) as rows, ThreadPoolExecutor(1) as thread:
        begun: Future[None] | None = None
        for batch in batches:
            if begun:
                begun.result()
                on_rows(rows.count)
            begun = thread.submit(rows.write, batch)
        if begun:
            begun.result()
    on_rows(rows.count)
    return StagedRows(path, rows.count, path.stat().st_size, rows.hash.hexdigest(), rows.greatest)


def cursor_text(value: Any) -> str | None:
    """The greatest value as the ledger keeps it."""
    if value is None:
        return None
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


class _RowsWriter:
    def __init__(self, schema: pa.Schema, path: Path, cursor: int | None) -> None:
        self.hash = ContentHash(schema)
        self.count = 0
        self.greatest: Any = None
        self._cursor = cursor
        # Plain pages: written once, read once, gone; DuckDB reads integers faster than bytes.
        self._file = pq.ParquetWriter(
            path,
            schema,
            compression="none",
            use_dictionary=False,
            write_statistics=False,
            store_schema=False,
            store_decimal_as_integer=True,
        )

    def __enter__(self) -> "_RowsWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, batch: pa.RecordBatch) -> None:
        self.hash.update(batch)
        self._file.write_table(pa.Table.from_batches([batch]))
        self.count += batch.num_rows
        if self._cursor is not None:
            value = pc.max(batch.column(self._cursor)).as_py()
            if value is not None and (self.greatest is None or value > self.greatest):
                self.greatest = value
