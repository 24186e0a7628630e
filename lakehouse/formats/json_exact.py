"""JSON lines record by record, as RFC 8259 and the sender's digits have it.

Slower than DuckDB, but a record at fault is one reject, and numbers stay as they were written.
"""

import codecs
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.json_columns import JsonColumn, RecordKeys
from lakehouse.formats.json_lines import MAX_RECORD_BYTES, RecordLines
from lakehouse.formats.json_structure import MAX_DEPTH, StructureScan
from lakehouse.formats.staged_file import RejectedRow
from lakehouse.source_catalog import Table

_BATCH_BYTES = 8 << 20
_BATCH_ROWS = 20_000
_MOST_REJECTS = 100_000
_MOST_RAW_BYTES = 64 << 20
_RAW_CHARACTERS = 10_000


class Number(str):
    """A number as written."""

    __slots__ = ()


class Members(list[tuple[str, Any]]):
    """The members of an object in their order, doubled keys too."""

    __slots__ = ()


class RecordUnfit(Exception):
    """A line is no record of the table; says why without its values."""


@dataclass
class ExactResult:
    """What became of the lines.

    Attributes:
        columns: of the Parquet file, before the line numbers.
        keys: that came.
        rows: in the Parquet file.
        rejects: other records.
    """

    columns: tuple[JsonColumn, ...]
    keys: RecordKeys
    rows: int = 0
    rejects: list[RejectedRow] = field(default_factory=list)


def stage_exactly(lines: RecordLines, table: Table, target: Path, *, where: str) -> ExactResult:
    """Write the good records of lines to a Parquet file of text, each with its line's number.

    Args:
        lines: of any content.
        table: with its contract.
        target: Parquet file to write.
        where: table and file, for messages.

    Raises:
        DeliveryRefused: a declared column is in no record, or too many records are at fault.
    """
    keys = RecordKeys(table)
    result = _pass(lines, keys, target, where)
    if set(keys.seen) != {column.key for column in result.columns if column.key in keys.seen}:
        # A key came late: now all of them are known.
        result = _pass(lines, keys, target, where)
    keys.columns(where, rows=result.rows)
    return result


def _pass(lines: RecordLines, keys: RecordKeys, target: Path, where: str) -> ExactResult:
    raise NotImplementedError
