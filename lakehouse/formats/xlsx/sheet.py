"""A sheet of a workbook as Arrow columns, and the cells that hold errors."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastexcel
import pyarrow as pa

from lakehouse.errors import DeliveryRefused

_ERROR = re.compile(r"Error\((\w+)\)")
_ERROR_TEXTS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}
_NUMBERED = re.compile(r"(.+)_\d+")


@dataclass(frozen=True)
class SheetCells:
    """The rows below the header.

    Attributes:
        header: stripped names; empty where a cell of the header is.
        cells: a column each, of one type, or text where a column has several.
        numbers: for sheets with such columns, each column as numbers; else None.
        is_number: likewise, not NULL where a cell holds a number or a boolean.
        errors: text of the error, such as `#N/A`, by (row, column) from 0.
    """

    header: tuple[str, ...]
    cells: pa.RecordBatch
    numbers: pa.RecordBatch | None
    is_number: pa.RecordBatch | None
    errors: Mapping[tuple[int, int], str]


def read_sheet(file: Path, sheet: str, header_row: int, where: str) -> SheetCells:
    """Read a sheet whole.

    Args:
        file: the workbook.
        sheet: name of the sheet.
        header_row: row of the column names, from 1.
        where: table and file, for messages.

    Raises:
        DeliveryRefused: the workbook cannot be read.
    """
    with _reader_errors(where):
        reader = fastexcel.read_excel(file)
        numbers = is_number = None
        try:
            loaded = _load(reader, sheet, header_row, dtype_coercion="strict")
        except (fastexcel.UnsupportedColumnTypeCombinationError, fastexcel.CalamineCellError):
            # Several types in one column, or a kind of error that fits none.
            loaded = _load(reader, sheet, header_row, dtypes="string")
            numbers = _load(reader, sheet, header_row, dtypes="float").to_arrow()
            is_number = _load(reader, sheet, header_row, dtypes="boolean").to_arrow()
        cells, faults = loaded.to_arrow_with_errors()
        header = _header(reader, loaded, sheet, header_row)
        return SheetCells(header, cells, numbers, is_number, _errors(faults))


def _load(reader: Any, sheet: str, header_row: int, **types: str) -> Any:
    return reader.load_sheet(sheet, header_row=header_row - 1, schema_sample_rows=None, **types)


def _header(reader: Any, loaded: Any, sheet: str, header_row: int) -> tuple[str, ...]:
    # All of them are; the list of those available is another pass over the cells.
    infos = loaded.selected_columns
    names = ["" if one.column_name_from == "generated" else one.name for one in infos]
    numbered = [match[1] for name in names if (match := _NUMBERED.fullmatch(name))]
    if any(name in names for name in numbered):
        # fastexcel renames doubled columns: `a`, `a_1` may have been `a`, `a`.
        first = reader.load_sheet(
            sheet, header_row=None, skip_rows=header_row - 1, n_rows=1, dtypes="string"
        )
        names = [column[0].as_py() or "" for column in first.to_arrow().columns]
    return tuple(name.strip() for name in names)


def _errors(faults: Any) -> dict[tuple[int, int], str]:
    found = {}
    for fault in faults.errors if faults else ():
        match = _ERROR.search(fault.detail)
        text = _ERROR_TEXTS.get(match[1], "#ERROR") if match else "#ERROR"
        found[fault.offset_position] = text
    return found


@contextmanager
def _reader_errors(where: str) -> Iterator[None]:
    """Turn what fastexcel raises into a refusal.

    Raises:
        DeliveryRefused: without what the cells hold.
    """
    try:
        yield
    except fastexcel.FastExcelError as error:
        cause = str(error).partition("\n")[0].rstrip(". ")
        raise DeliveryRefused(f"{where} cannot be read: {cause}. Ask for it again.") from error
    except BaseException as error:
        # A panic of Rust is no Exception, and its class has no importable name.
        if type(error).__name__ != "PanicException":
            raise
        raise DeliveryRefused(
            f"{where} cannot be read: it is damaged. Ask for it again."
        ) from error
