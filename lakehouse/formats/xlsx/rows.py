"""The rows of a sheet under a contract: names held against it, errors refused, in batches."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.errors import ColumnsUnfit
from lakehouse.format_options import CsvDialect
from lakehouse.formats.staged_file import RejectedRow
from lakehouse.formats.text_columns import LINE_COLUMN, name_faults
from lakehouse.formats.xlsx.cells import mixed_cells, staged_cells, staged_type
from lakehouse.formats.xlsx.sheet import SheetCells
from lakehouse.source_catalog import Column, Table

_BATCH_ROWS = 50_000


@dataclass(frozen=True)
class SheetRows:
    """Rows of a sheet.

    Attributes:
        columns: those that are loaded, the first ones of the sheet.
        first_line: row number of the first row.
        count: rows up to the last one that holds anything.
        dialect: how text is written that stands in for values.
    """

    sheet: SheetCells
    columns: tuple[Column, ...]
    first_line: int
    count: int
    dialect: CsvDialect

    @classmethod
    def of(cls, sheet: SheetCells, table: Table, header_row: int, where: str) -> "SheetRows":
        """Hold a sheet against the contract.

        Raises:
            ColumnsUnfit: names are missing, blank, doubled or reserved.
        """
        names = _names(sheet)
        if faults := name_faults(names, table):
            raise ColumnsUnfit(
                f"{where}, row {header_row}: {'; '.join(faults)}. Correct the file, header_row, or "
                "the declared columns.",
                rows=sheet.cells.num_rows,
            )
        declared = {column.name: column for column in table.columns}
        columns = tuple(declared.get(name, Column(name=name)) for name in names)
        count = _last_row(sheet, len(names))
        return cls(sheet, columns, header_row + 1, count, table.meta.dialects[0])

    @property
    def schema(self) -> list[tuple[str, pa.DataType]]:
        """Names and types of a batch's columns."""
        types = [
            pa.string()
            if self.sheet.numbers is not None
            else staged_type(self.sheet.cells.column(place).type, column)
            for place, column in enumerate(self.columns)
        ]
        names = [column.name for column in self.columns]
        return [*zip(names, types, strict=True), (LINE_COLUMN, pa.int64())]

    def batches(self) -> Iterator[tuple[pa.Table, list[RejectedRow]]]:
        """Yield batches of rows, each with those that an error keeps out of it."""
        errors = sorted(self.sheet.errors.items())
        for start in range(0, self.count, _BATCH_ROWS):
            size = min(_BATCH_ROWS, self.count - start)
            here = {place: text for place, text in errors if start <= place[0] < start + size}
            yield self._batch(start, size, here)

    def _batch(
        self, start: int, size: int, errors: dict[tuple[int, int], str]
    ) -> tuple[pa.Table, list[RejectedRow]]:
        arrays = [self._cells(place, start, size) for place in range(len(self.columns))]
        faults: dict[int, int] = {}
        for (row, place), text in errors.items():
            if place >= len(self.columns):
                continue
            if self.columns[place].type.kind == "text":
                arrays[place] = _with_text(arrays[place], row - start, text)
            else:
                faults.setdefault(row, place)
        first = self.first_line + start
        arrays.append(pa.array(range(first, first + size), pa.int64()))
        batch = pa.table(arrays, schema=pa.schema(self.schema))
        if not faults:
            return batch, []
        kept = [row not in faults for row in range(start, start + size)]
        rejects = [
            self._reject(batch, row - start, place, errors[row, place])
            for row, place in faults.items()
        ]
        return batch.filter(pa.array(kept)), rejects

    def _cells(self, place: int, start: int, size: int) -> "pa.Array[Any]":
        column = self.columns[place]
        cells = self.sheet.cells.column(place).slice(start, size)
        if self.sheet.numbers is None or self.sheet.is_number is None:
            return staged_cells(cells, column, self.dialect)
        numbers = self.sheet.numbers.column(place).slice(start, size)
        is_number = self.sheet.is_number.column(place).slice(start, size)
        return mixed_cells(cells.cast(pa.string()), numbers, is_number, column, self.dialect)

    def _reject(self, batch: pa.Table, row: int, place: int, text: str) -> RejectedRow:
        values = batch.slice(row, 1).to_pylist()[0]
        line = values.pop(LINE_COLUMN)
        name = self.columns[place].name
        raw = json.dumps({**values, name: text}, ensure_ascii=False, default=str)
        return RejectedRow(line, name, "the cell holds an error of Excel", text, raw)


def _names(sheet: SheetCells) -> list[str]:
    """The header without the empty columns at its end."""
    names = list(sheet.header)
    erring = {place for _, place in sheet.errors}
    while names and not names[-1]:
        last = sheet.cells.column(len(names) - 1)
        if last.null_count < len(last) or len(names) - 1 in erring:
            break
        names.pop()
    return names


def _last_row(sheet: SheetCells, width: int) -> int:
    last = max((row + 1 for row, place in sheet.errors if place < width), default=0)
    for place in range(width):
        cells = sheet.cells.column(place)
        if not cells.null_count:
            return len(cells)
        filled = pc.indices_nonzero(cells.is_valid())
        last = max(last, filled[-1].as_py() + 1 if len(filled) else 0)
    return last


def _with_text(cells: "pa.Array[Any]", row: int, text: str) -> "pa.Array[Any]":
    return pa.concat_arrays([cells.slice(0, row), pa.array([text]), cells.slice(row + 1)])
