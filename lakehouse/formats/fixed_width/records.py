"""How a line of fixed width is cut into columns, by characters."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from lakehouse.formats.fixed_width.lines import LineBlock
from lakehouse.source_catalog import Table

# Its stubs know no arrays of any type.
compute: Any = pyarrow.compute


@dataclass(frozen=True)
class Field:
    """A column's characters [start, stop), from 0."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True)
class RecordLayout:
    """Where the columns are in a record.

    Attributes:
        fields: the columns.
        gaps: stretches before the last column that no column takes.
        length: characters of a record.
    """

    fields: tuple[Field, ...]
    gaps: tuple[Field, ...]
    length: int

    @classmethod
    def of(cls, table: Table) -> "RecordLayout":
        """The layout that a table declares."""
        fields = tuple(
            Field(column.name, column.start - 1, column.start - 1 + column.length)
            for column in table.columns
            if column.start and column.length
        )
        gaps, reached = [], 0
        for field in sorted(fields, key=lambda field: field.start):
            if field.start > reached:
                gaps.append(Field(f"{reached + 1}-{field.start}", reached, field.start))
            reached = max(reached, field.stop)
        return cls(fields, tuple(gaps), reached)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in the order of their declaration."""
        return tuple(field.name for field in self.fields)

    def sort_out(
        self, block: LineBlock
    ) -> tuple["pa.Array[Any]", NDArray[np.int64], dict[int, str]]:
        """Tell good lines from bad ones.

        Returns:
            The good lines without their ends, their places in the block, and for the place of each
            other line what is wrong with it.
        """
        lines = block.binary()
        faults = dict.fromkeys(_not_text(block), "holds bytes that are not UTF-8")
        if faults:
            lines = compute.if_else(_mask(len(block), faults), pa.scalar(b"", pa.binary()), lines)
        lines = compute.utf8_rtrim(lines.cast(pa.string()), "\r\n")
        lengths = compute.utf8_length(lines).to_numpy()
        for place in np.flatnonzero(lengths < self.length).tolist():
            found = f"has {lengths[place]} characters instead of {self.length}"
            faults.setdefault(place, found if lengths[place] else "is blank")
        for place in np.flatnonzero(lengths > self.length).tolist():
            if len(lines[place].as_py().rstrip(" ")) > self.length:
                faults[place] = f"has {lengths[place]} characters instead of {self.length}"
        if not faults:
            return lines, np.arange(len(block)), faults
        good = np.flatnonzero(~_mask(len(block), faults))
        return lines.take(pa.array(good)), good, faults

    def cut(self, lines: "pa.Array[Any]") -> pa.Table:
        """The columns of good lines, without padding; a blank one is NULL."""
        return pa.table({field.name: _cut(lines, field) for field in self.fields})

    def unread(self, lines: "pa.Array[Any]") -> set[str]:
        """Gaps in which a line has more than blanks, as `6-9`."""
        return {gap.name for gap in self.gaps if _cut(lines, gap).null_count < len(lines)}


def _cut(lines: "pa.Array[Any]", field: Field) -> "pa.Array[Any]":
    text: pa.Array[Any] = compute.utf8_rtrim(
        compute.utf8_slice_codeunits(lines, field.start, field.stop), " "
    )
    is_blank = compute.equal(compute.binary_length(text), 0)
    filled: pa.Array[Any] = compute.if_else(is_blank, pa.scalar(None, pa.string()), text)
    return filled


def _mask(size: int, places: Iterable[int]) -> NDArray[np.bool_]:
    mask = np.zeros(size, np.bool_)
    mask[list(places)] = True
    return mask


def _not_text(block: LineBlock) -> list[int]:
    try:
        block.data.decode("utf-8")
    except UnicodeDecodeError:
        return [place for place in range(len(block)) if not _is_text(block.raw(place))]
    return []


def _is_text(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
