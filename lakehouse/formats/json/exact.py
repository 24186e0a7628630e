"""JSON lines record by record, as RFC 8259 and the sender's digits have it.

Slower than DuckDB, but a record at fault is one reject, and numbers stay as they were written.
"""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.json.columns import JsonColumn, RecordKeys
from lakehouse.formats.json.lines import MAX_RECORD_BYTES, RecordLines
from lakehouse.formats.json.record import (
    RecordUnfit,
    has_path,
    read_record,
    text_of,
    value_at,
    without_exponent,
)
from lakehouse.formats.nested_fields import fields_at, object_places
from lakehouse.formats.source_lines import LineBreaks
from lakehouse.formats.staged_file import RejectedRow
from lakehouse.formats.text_columns import StagedWriter
from lakehouse.source_catalog import Table

_BATCH_BYTES = 4 << 20
_BATCH_ROWS = 20_000
_MOST_REJECTS = 100_000
_MOST_RAW_BYTES = 64 << 20
_RAW_BYTES = 10_000
_SKIP_BYTES = 1 << 20


@dataclass(frozen=True)
class StagedRecords:
    """What became of lines.

    Attributes:
        columns: of the Parquet file, before the number of each row's line.
        keys: that came.
        rows: in the Parquet file.
        rejects: other records.
        breaks: numbers of the lines of the rows.
        left_out: undeclared fields of nested columns, by their place.
    """

    columns: tuple[JsonColumn, ...]
    keys: RecordKeys
    rows: int
    rejects: tuple[RejectedRow, ...]
    breaks: LineBreaks
    left_out: Mapping[str, set[str]]


def stage_exactly(lines: RecordLines, table: Table, target: Path, *, where: str) -> StagedRecords:
    """Write the good records of lines to a Parquet file of text.

    Args:
        lines: of any content.
        table: with its contract.
        target: Parquet file to write.
        where: table and file, for messages.

    Raises:
        DeliveryRefused: a declared column is in no record, or too many records are at fault.
    """
    with StagedWriter(target) as writer:
        reading = _Reading(lines, RecordKeys(table), writer, where)
        for number, line in _numbered(lines):
            reading.take(number, line)
        reading.flush()
        columns = reading.keys.columns(where, rows=writer.rows)
        writer.finish((column.name, pa.string()) for column in columns)
        rejects, breaks = tuple(reading.rejects), reading.breaks
        left_out = {p.shown: reading.fields[p.shown] - p.fields for p in reading.places}
        return StagedRecords(columns, reading.keys, writer.rows, rejects, breaks, left_out)


class _Reading:
    """One pass over the lines."""

    def __init__(
        self, lines: RecordLines, keys: RecordKeys, writer: StagedWriter, where: str
    ) -> None:
        self.keys = keys
        self.rejects: list[RejectedRow] = []
        self._lines, self._writer, self._where = lines, writer, where
        self._records: list[dict[str, Any]] = []
        self._rows = self._bytes = self._raw_bytes = 0
        self._ordinals, self._offsets = array("q"), array("q")
        steps = {column.name: column.steps for column in keys.declared}
        self.places = object_places(keys.table, steps)
        self.fields: dict[str, set[str]] = {place.shown: set() for place in self.places}
        self._deep = [column.steps for column in keys.declared if len(column.steps) > 1]

    @property
    def breaks(self) -> LineBreaks:
        return LineBreaks.from_steps(self._ordinals, self._offsets)

    def take(self, number: int, line: bytes) -> None:
        """Take the line with this number: a row, or a reject."""
        reached: set[tuple[str, ...]] = set()
        try:
            record = read_record(line)
            fault = self.keys.fault(tuple(record))
            reached = {steps for steps in self._deep if has_path(record, steps)}
        except RecordUnfit as unfit:
            fault = str(unfit)
        if fault:
            self._reject(number, line, fault)
            return
        offset = number - self._rows
        if not self._offsets or self._offsets[-1] != offset:
            self._ordinals.append(self._rows)
            self._offsets.append(offset)
        for place in self.places:
            self.fields[place.shown].update(fields_at(record, place.steps))
        self.keys.reached |= reached
        self._rows += 1
        self._records.append(record)
        self._bytes += len(line)
        if self._bytes > _BATCH_BYTES or len(self._records) == _BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write the rows that were taken."""
        columns = self.keys.columns(self._where, rows=0)
        texts = {column.name: _texts(self._records, column) for column in columns}
        self._writer.write(pa.table(texts))
        self._records, self._bytes = [], 0

    def _reject(self, number: int, line: bytes, fault: str) -> None:
        raw = line[:_RAW_BYTES].rstrip(b"\r\n").decode("utf-8", errors="backslashreplace")
        is_line = self._lines.are_delivered
        reason = fault if is_line else f"record {number}: {fault}"
        self.rejects.append(RejectedRow(number if is_line else None, None, reason, None, raw))
        self._raw_bytes += len(raw)
        if len(self.rejects) > _MOST_REJECTS or self._raw_bytes > _MOST_RAW_BYTES:
            first = self.rejects[0]
            place = f" (line {first.line})" if first.line else ""
            raise DeliveryRefused(
                f"{self._where}: more than {len(self.rejects) - 1} records are at fault, "
                f"{self._rows} are not. The first{place}: {first.reason}. Ask for a clean file.",
                rows=self._rows + len(self.rejects),
            )


def _numbered(lines: RecordLines) -> Iterator[tuple[int, bytes]]:
    """Records' lines from 1; of one that is too long only the beginning, longer than allowed."""
    if not lines.lines:
        return
    with lines.path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_RECORD_BYTES + 1):
            number += 1
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = file.readline(_SKIP_BYTES)
            if line.strip() or not lines.are_delivered:
                yield number, line


def _texts(records: list[dict[str, Any]], column: JsonColumn) -> "pa.Array[Any]":
    key = column.key
    if len(column.steps) == 1:
        values = [record.get(key) for record in records]
    else:
        values = [value_at(record, column.steps) for record in records]
    if any(type(value) is not str for value in values):
        values = [value if type(value) is str else text_of(value) for value in values]
    if column.is_exact:
        values = [without_exponent(value) for value in values]
    return pa.array(values, pa.string())
