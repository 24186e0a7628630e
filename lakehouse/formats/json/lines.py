"""JSON records as lines: one record a line, whatever the document looked like.

An array becomes lines by changing single bytes: the commas between its records to line feeds,
and line feeds inside records to blanks. So nothing is parsed, and memory stays flat.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.declared_encoding import mark_length
from lakehouse.formats.json.location import RecordsPlace, RecordsUnfound, check_rest
from lakehouse.formats.json.strictness import StrictnessCheck
from lakehouse.formats.json.structure import (
    CHUNK_BYTES,
    MAX_DEPTH,
    Stretch,
    StructureScan,
    json_chunks,
)

# DuckDB's own default for `maximum_object_size`.
MAX_RECORD_BYTES = 16 << 20
_NEWLINE, _BLANK, _CONTROL = 10, 32, 1


@dataclass(frozen=True)
class RecordLines:
    """A text with one record a line.

    Attributes:
        path: UTF-8 text.
        lines: in it, blank ones too.
        is_regular: whether DuckDB may read it: no record is too long or too deep, strings and
            brackets pair off in each line, and nothing came that is JSON for DuckDB alone.
        keeps_numbers: whether DuckDB gives back every number as it was written.
        filled_members: keys, of all objects in it, whose value is not null.
        are_delivered: whether these are the lines of the delivered file.
    """

    path: Path
    lines: int
    is_regular: bool
    keeps_numbers: bool
    filled_members: int
    are_delivered: bool


def delivered_lines(text: Path, lines: int) -> RecordLines:
    """Look at newline-delimited text.

    Args:
        text: in UTF-8, without a byte order mark.
        lines: that it has.
    """
    scan, check = StructureScan(), StrictnessCheck()
    lengths = _Lengths(0)
    for chunk in json_chunks(text):
        stretch = scan.feed(chunk)
        newlines = stretch.newlines()
        lengths.take(newlines, len(chunk))
        check.feed(stretch.bare())
        fits = scan.deepest <= MAX_DEPTH and lengths.longest <= MAX_RECORD_BYTES
        if not (fits and check.is_strict and _all_closed(stretch, newlines)):
            return RecordLines(text, lines, False, False, 0, are_delivered=True)
    check.finish()
    closed = scan.depth == 0 and not scan.in_string and check.is_strict
    return RecordLines(
        text, lines, closed, check.keeps_numbers, check.filled_members, are_delivered=True
    )


def longest_line(text: Path) -> int:
    """Bytes of the longest line of a text."""
    lengths = _Lengths(0)
    with text.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            lengths.take(np.flatnonzero(np.frombuffer(chunk, np.uint8) == _NEWLINE), len(chunk))
    return lengths.longest


def write_lines(text: Path, place: RecordsPlace, target: Path, *, where: str) -> RecordLines:
    """Write the records of a document as lines, and look at them.

    A raw line feed inside a string, which JSON forbids, stays forbidden: it becomes U+0001.

    Args:
        text: document in UTF-8.
        place: of its records.
        target: gets the lines.
        where: table and file, for messages.

    Raises:
        DeliveryRefused: the document is cut off or damaged around its records.
    """
    scan, check = StructureScan(), StrictnessCheck()
    lengths, position, separators, is_blank = _Lengths(0), place.start, 0, True
    with target.open("wb") as lines:
        for chunk in json_chunks(text, place.start):
            stretch = scan.feed(chunk)
            data, commas, end = _as_lines(stretch, place)
            check.feed(stretch.bare(end))
            if position == place.start and place.is_array:
                data[0] = _BLANK
            lengths.take(commas, len(data))
            separators += len(commas)
            is_blank = is_blank and not data.tobytes().strip()
            lines.write(data.tobytes())
            position += len(chunk)
            if end is not None:
                is_closed = chunk[end : end + 1] == (b"]" if place.is_array else b"}")
                break
        else:
            raise DeliveryRefused(
                f"{where} is cut off within record {separators + 1}. Ask for it again."
            )
        lines.write(b"\n")
    position += end + 1 - len(chunk)
    try:
        if not is_closed:
            raise RecordsUnfound(f"another bracket should stand at byte {position - 1}")
        check_rest(text, place, position)
    except RecordsUnfound as unfound:
        raise DeliveryRefused(f"{where}: {unfound}. Ask the sender to correct it.") from None
    check.finish()
    fits = scan.deepest <= MAX_DEPTH and lengths.longest <= MAX_RECORD_BYTES
    records = 0 if is_blank and not separators else separators + 1
    is_regular = fits and check.is_strict
    return RecordLines(
        target, records, is_regular, check.keeps_numbers, check.filled_members, are_delivered=False
    )


def without_mark(text: Path, work: Path) -> Path:
    """The text, or a copy in `work` without its byte order mark, which DuckDB does not take."""
    mark = mark_length(text)
    if not mark:
        return text
    copy = work / "unmarked.json"
    with text.open("rb") as source, copy.open("wb") as target:
        source.seek(mark)
        shutil.copyfileobj(source, target, 1 << 20)
    return copy


def _as_lines(
    stretch: Stretch, place: RecordsPlace
) -> tuple[NDArray[np.uint8], NDArray[np.int64], int | None]:
    """The chunk as lines up to the records' end, the commas between them, and where they end."""
    ends = stretch.brackets[stretch.depths <= 0]
    end = int(ends[0]) if len(ends) else None
    data = stretch.data.copy()
    newlines = stretch.newlines()
    data[newlines] = np.where(stretch.outside[newlines], _BLANK, _CONTROL)
    commas = np.empty(0, np.int64)
    if place.is_array:
        commas = stretch.commas_at(1)
        if end is not None:
            commas = commas[commas < end]
        data[commas] = _NEWLINE
    if end is not None:
        data = data[: end if place.is_array else end + 1]
    return data, commas, end


class _Lengths:
    """Length of the longest line, from where line ends are."""

    def __init__(self, start: int) -> None:
        self.longest = 0
        self._open = start

    def take(self, ends: NDArray[np.int64], size: int) -> None:
        """Take the places of the line ends of a chunk of `size` bytes."""
        if len(ends):
            inner = int(np.diff(ends).max()) if len(ends) > 1 else 0
            self.longest = max(self.longest, self._open + int(ends[0]), inner)
            self._open = size - int(ends[-1])
        else:
            self._open += size
        self.longest = max(self.longest, self._open)


def _all_closed(stretch: Stretch, newlines: NDArray[np.int64]) -> bool:
    return bool(stretch.outside[newlines].all()) and not stretch.depth_at(newlines).any()
