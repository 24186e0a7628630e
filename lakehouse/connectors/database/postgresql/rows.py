"""Rows of COPY TO in CSV as Arrow batches."""

from collections.abc import Sequence
from io import BytesIO

import pyarrow as pa
import pyarrow.csv as pacsv

from lakehouse.connectors.database.dialect import ServerColumn
from lakehouse.errors import DatabaseRefused


def parse_rows(content: bytes, columns: Sequence[ServerColumn]) -> pa.RecordBatch:
    """Parse whole rows.

    Args:
        content: CSV in UTF-8 without a header; NULL is an empty cell without quotes.
        columns: names and types; bytes come in hexadecimal.

    Raises:
        DatabaseRefused: a value is of no such type: NaN in a numeric without decimals, or text
            that is not UTF-8.
    """
    names = [str(place) for place in range(len(columns))]
    types = {
        name: pa.string() if pa.types.is_binary(column.arrow_type) else column.arrow_type
        for name, column in zip(names, columns, strict=True)
    }
    try:
        table = pacsv.read_csv(
            BytesIO(content),
            pacsv.ReadOptions(column_names=names, block_size=len(content) + 1, use_threads=False),
            pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            pacsv.ConvertOptions(
                column_types=types,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                true_values=["t"],
                false_values=["f"],
            ),
        )
    except pa.ArrowInvalid:
        raise DatabaseRefused(
            f"A value cannot be read as what its column is; columns: {_named(columns)}. It may be "
            "NaN in a numeric without decimals, or text in a database of encoding SQL_ASCII that "
            "is not UTF-8. Read a view that converts it, named as relation."
        ) from None
    arrays = [
        _bytes(table.column(name)) if pa.types.is_binary(column.arrow_type) else table.column(name)
        for name, column in zip(names, columns, strict=True)
    ]
    whole = pa.table(arrays, names=[column.name for column in columns]).combine_chunks()
    return whole.to_batches()[0]


def _bytes(column: "pa.ChunkedArray[pa.StringScalar]") -> "pa.Array[pa.BinaryScalar]":
    values = [None if text is None else bytes.fromhex(text) for text in column.to_pylist()]
    return pa.array(values, pa.binary())


def _named(columns: Sequence[ServerColumn]) -> str:
    return ", ".join(f"{column.name} {column.server_type}" for column in columns)
