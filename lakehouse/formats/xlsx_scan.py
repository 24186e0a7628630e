"""How large a sheet really is, before it is read cell by cell.

Cells are held as one dense block from the first to the last row and column: two cells at far
corners would ask for half a terabyte, and the process would be aborted. The block is measured on
the XML text, however it is written; it may be taken too large, never too small.
"""

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

_ROW = re.compile(rb'<rowr="(\d+)')
_ANY_ROW = re.compile(rb'<row[^<>]*?r="(\d+)')
_ANY_CELL = re.compile(rb'r="([A-Z]{1,3})(\d{1,7})"')
_FILLED_CELL = re.compile(rb"<(?:\w+:)?c\b(?:[^<>]*?\sr\s*=\s*[\"'][A-Z]+(\d+))?[^<>]*>\s*<[^/]")
_OUTSIDE = rb'r="[A-Z](?:[A-Z]|\d{%d})'
_FORMULA = re.compile(
    rb"<c(?P<attributes>[^<>]*)>\s*<f[^<>]*(?:/>|>[^<]*</f>)\s*(?:<v>\s*</v>|<v\s*/>)?\s*</c>"
)
# Column Z: narrower sheets are taken to be this wide.
_USUAL_WIDTH = 26
_PLAIN = bytes.maketrans(b"'", b'"')
_OVERLAP_BYTES = 512


@dataclass
class SheetExtent:
    """What the XML of a sheet says.

    Attributes:
        rows: number of the last row.
        columns: number of the last column, at least 26.
        empty_formulas: formulas without a saved value.
        first_row: number of the first row that holds anything; None where none does.
    """

    rows: int = 0
    columns: int = _USUAL_WIDTH
    empty_formulas: int = 0
    first_row: int | None = None


def measure_sheet(chunks: Iterable[bytes]) -> SheetExtent:
    """Read the XML of a sheet once, in bounded memory."""
    extent = SheetExtent()
    counted, overlap = 0, b""
    for chunk in _ahead(iter(chunks)):
        text = overlap + chunk
        plain = text.translate(_PLAIN, b" \t\r\n")
        counted += chunk.count(b"<row")
        numbers = _ROW.findall(plain) or _ANY_ROW.findall(plain)
        extent.rows = max(extent.rows, counted, max(map(int, numbers), default=0))
        if extent.first_row is None and (filled := _FILLED_CELL.search(text)):
            extent.first_row = int(filled[1] or 1)
        digits = len(str(extent.rows)) + 1
        if re.search(_OUTSIDE % digits, plain):
            _measure_cells(plain, extent)
        if b"<f" in text:
            extent.empty_formulas += _empty_formulas(text, len(overlap))
        overlap = text[-_OVERLAP_BYTES:]
    return extent


def _measure_cells(plain: bytes, extent: SheetExtent) -> None:
    cells = _ANY_CELL.findall(plain)
    for letters in {letters for letters, _ in cells}:
        extent.columns = max(extent.columns, _column_number(letters))
    for digits in {number for _, number in cells}:
        extent.rows = max(extent.rows, int(digits))


def _empty_formulas(text: bytes, overlap: int) -> int:
    """Formulas that end behind the overlap and have no value; an empty text is a value."""
    return sum(
        match.end() > overlap and b't="str"' not in match["attributes"]
        for match in _FORMULA.finditer(text)
    )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _ahead(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack the next chunk while the last one is searched."""
    with ThreadPoolExecutor(max_workers=1) as unpacker:
        following = unpacker.submit(next, chunks, None)
        while (chunk := following.result()) is not None:
            following = unpacker.submit(next, chunks, None)
            yield chunk
