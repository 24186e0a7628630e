"""JSON lines record by record, as RFC 8259 and the sender's digits have it.

Slower than DuckDB, but a record at fault is one reject, and numbers stay as they were written.
"""

import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.json_columns import JsonColumn, RecordKeys
from lakehouse.formats.json_lines import MAX_RECORD_BYTES, RecordLines
from lakehouse.formats.json_structure import MAX_DEPTH, StructureScan
from lakehouse.formats.source_lines import LineBreaks
from lakehouse.formats.staged_file import RejectedRow
from lakehouse.source_catalog import Table

_BATCH_BYTES = 8 << 20
_BATCH_ROWS = 20_000
_MOST_REJECTS = 100_000
_MOST_RAW_BYTES = 64 << 20
_RAW_BYTES = 10_000
_SKIP_BYTES = 1 << 20
_LITERALS = {None: "null", True: "true", False: "false"}


class Number(str):
    """A number as written."""

    __slots__ = ()


class Members(list[tuple[str, Any]]):
    """The members of an object in their order, doubled keys too."""

    __slots__ = ()


class RecordUnfit(Exception):
    """A line is no record of the table; says why without its values."""


@dataclass
class ExactRecords:
    """What became of lines that were looked at one by one.

    Attributes:
        columns: of the Parquet file, before the number of each row's line.
        keys: that came.
        rows: in the Parquet file.
        rejects: other records.
        breaks: numbers of the lines of the rows.
    """

    columns: tuple[JsonColumn, ...]
    keys: RecordKeys
    rows: int
    rejects: tuple[RejectedRow, ...]
    breaks: LineBreaks


def stage_exactly(lines: RecordLines, table: Table, target: Path, *, where: str) -> ExactRecords:
    """Write the good records of lines to a Parquet file of text.

    Args:
        lines: of any content.
        table: with its contract.
        target: Parquet file to write.
        where: table and file, for messages.

    Raises:
        DeliveryRefused: a declared column is in no record, or too many records are at fault.
    """
    keys = RecordKeys(table)
    writing = _Writing(lines, keys, target, where)
    writing.run()
    if writing.columns != keys.columns(where, rows=writing.rows):
        # A key came after the first rows were written; now all are known.
        writing = _Writing(lines, keys, target, where)
        writing.run()
    return ExactRecords(
        writing.columns, keys, writing.rows, tuple(writing.rejects), writing.breaks
    )


class _Writing:
    """One pass over the lines."""

    def __init__(self, lines: RecordLines, keys: RecordKeys, target: Path, where: str) -> None:
        self.rows = 0
        self.rejects: list[RejectedRow] = []
        self.columns: tuple[JsonColumn, ...] = ()
        self._lines, self._keys, self._target, self._where = lines, keys, target, where
        self._writer: pq.ParquetWriter | None = None
        self._records: list[Members] = []
        self._bytes = self._raw_bytes = 0
        self._ordinals, self._offsets = array("q"), array("q")

    @property
    def breaks(self) -> LineBreaks:
        return LineBreaks.from_steps(self._ordinals, self._offsets)

    def run(self) -> None:
        try:
            if self._lines.lines:
                for number, line in _numbered(self._lines.path):
                    if line.strip() or not self._lines.are_delivered:
                        self._take(number, line)
            self._flush()
        finally:
            if self._writer:
                self._writer.close()

    def _take(self, number: int, line: bytes) -> None:
        try:
            record = read_record(line)
            fault = self._keys.fault(tuple(key for key, _ in record))
        except RecordUnfit as unfit:
            fault = str(unfit)
        if fault:
            self._reject(number, line, fault)
            return
        offset = number - self.rows
        if not self._offsets or self._offsets[-1] != offset:
            self._ordinals.append(self.rows)
            self._offsets.append(offset)
        self.rows += 1
        self._records.append(record)
        self._bytes += len(line)
        if self._bytes > _BATCH_BYTES or len(self._records) == _BATCH_ROWS:
            self._flush()

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
                f"{self.rows} are not. The first{place}: {first.reason}. Ask for a clean file.",
                rows=self.rows + len(self.rejects),
            )

    def _flush(self) -> None:
        if self._writer is None:
            self.columns = self._keys.columns(self._where, rows=0)
            names = [column.name for column in self.columns]
            schema = pa.schema([(name, pa.string()) for name in names])
            self._writer = pq.ParquetWriter(self._target, schema, compression="lz4")
        cells = _texts(self._records, self.columns)
        arrays = [pa.array(column, pa.string()) for column in cells]
        schema = self._writer.schema
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        self._records, self._bytes = [], 0


def read_record(line: bytes) -> Members:
    """Parse one record strictly.

    Raises:
        RecordUnfit: it is no JSON object, or holds what no Unicode text can.
    """
    if len(line) > MAX_RECORD_BYTES:
        raise RecordUnfit(f"it is longer than {MAX_RECORD_BYTES >> 20} MiB")
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH:
        scan = StructureScan()
        scan.feed(line)
        if scan.deepest > MAX_DEPTH:
            raise RecordUnfit(f"it is nested more than {MAX_DEPTH} levels deep")
    try:
        text = line.decode("utf-8")
        record = _DECODER.decode(text)
    except UnicodeDecodeError:
        raise RecordUnfit("it holds bytes that are not UTF-8") from None
    except json.JSONDecodeError as error:
        raise RecordUnfit(f"it is no JSON: {error.msg}, at character {error.colno}") from None
    if not isinstance(record, Members):
        raise RecordUnfit("it is no object with keys and values")
    if "\\u" in text:
        try:
            _dumped(record).encode()
        except UnicodeEncodeError:
            raise RecordUnfit("it holds half of a surrogate pair, which is no text") from None
    return record


def _no_constant(name: str) -> Any:
    raise RecordUnfit(f"it is no JSON: {name} is not a number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=Members,
    parse_float=Number,
    parse_int=Number,
    parse_constant=_no_constant,
)


def _numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines from 1; of one that is too long only the beginning, longer than allowed."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_RECORD_BYTES + 1):
            number += 1
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = file.readline(_SKIP_BYTES)
            yield number, line


def _texts(records: list[Members], columns: tuple[JsonColumn, ...]) -> list[list[str | None]]:
    cells: list[list[str | None]] = [[] for _ in columns]
    for record in records:
        values = dict(record)
        for column, texts in zip(columns, cells, strict=True):
            value = values.get(column.key)
            for step in column.steps[1:]:
                value = dict(value).get(step) if isinstance(value, Members) else None
            texts.append(_text(value))
    return cells


def _text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    return str(value) if isinstance(value, Number) else _dumped(value)


def _dumped(value: Any) -> str:
    """A value as compact JSON, its numbers as they were written."""
    if isinstance(value, Members):
        members = (f"{encode_basestring(key)}:{_dumped(inner)}" for key, inner in value)
        return f"{{{','.join(members)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_dumped, value))}]"
    if isinstance(value, Number):
        return str(value)
    return encode_basestring(value) if isinstance(value, str) else _LITERALS[value]
