"""A hash of rows that does not depend on how they were cut into batches."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class ContentHash:
    """SHA-256 over the columns of a stream of batches: values, lengths and places of NULLs.

    Args:
        schema: names and types, which are part of the content.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = str([(field.name, str(field.type)) for field in schema])
        self._columns = [_ColumnHash() for _ in schema]
        self._rows = 0

    def update(self, batch: pa.RecordBatch) -> None:
        """Add the next rows."""
        for column_hash, column in zip(self._columns, batch.columns, strict=True):
            column_hash.update(column, self._rows)
        self._rows += batch.num_rows

    def hexdigest(self) -> str:
        """Hash of everything added so far, 64 hexadecimal digits."""
        return joined_hash([self._schema, *(digest for c in self._columns for digest in c.parts())])


def joined_hash(parts: Sequence[str]) -> str:
    """Hash of hashes, in their order."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class _ColumnHash:
    def __init__(self) -> None:
        self._values, self._lengths, self._nulls = (hashlib.sha256() for _ in range(3))

    def update(self, column: "pa.Array[Any]", rows_before: int) -> None:
        if column.null_count:
            places = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
            self._nulls.update((places + rows_before).astype("<i8").tobytes())
        if not (_has_offsets(column.type) or _has_fixed_width(column.type)):
            column = pa.array([None if v is None else str(v) for v in column.to_pylist()])
            column = column.cast(pa.string())
        if _has_offsets(column.type):
            self._add_texts(column)
        else:
            self._add_numbers(column)

    def parts(self) -> list[str]:
        return [part.hexdigest() for part in (self._values, self._lengths, self._nulls)]

    def _add_texts(self, column: "pa.Array[Any]") -> None:
        _, offsets, data = column.buffers()
        if offsets is None or not len(column):
            return
        is_large = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
        kind = "<i8" if is_large else "<i4"
        bounds = np.frombuffer(memoryview(offsets), kind)[
            column.offset : column.offset + len(column) + 1
        ]
        self._lengths.update(np.diff(bounds).astype("<i8").tobytes())
        if data is not None:
            self._values.update(memoryview(data)[int(bounds[0]) : int(bounds[-1])])

    def _add_numbers(self, column: "pa.Array[Any]") -> None:
        if column.null_count:
            # What lies below a NULL is left to chance.
            column = pc.fill_null(column, pa.scalar(0, column.type))
        data = column.buffers()[1]
        if data is None:
            return
        width = column.type.bit_width // 8
        begin = column.offset * width
        self._values.update(memoryview(data)[begin : begin + len(column) * width])


def _has_offsets(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_string(kind)
        or types.is_binary(kind)
        or types.is_large_string(kind)
        or types.is_large_binary(kind)
    )


def _has_fixed_width(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))
