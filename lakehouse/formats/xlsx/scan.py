"""How large a sheet really is, before it is read cell by cell.

Cells are held as one dense block from the first to the last row and column: two cells at far
corners would ask for half a terabyte, and the process would be aborted. The block is measured on
the XML text, however it is written; it may be taken too large, never too small.
"""

import re
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

# A sheet all of whose cells are so written needs no closer look.
_USUAL_COLUMNS = 26
_USUAL_ROWS = 999_999
# For RE2, which lets other threads run: any cell that does not begin like <c r="Z999999".
_UNUSUAL_CELL = (
    r'(?::c|<c(?:[^ a-zA-Z]| [^r]| r[^=]| r=[^"]| r="[^A-Z]| r="[A-Z][^0-9]'
    r'| r="[A-Z][0-9]{1,6}[^0-9"]| r="[A-Z][0-9]{7}))'
)
_UNUSUAL_OR_FORMULA = f"(?:<f|{_UNUSUAL_CELL})"
_PLAIN_CELL = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"')
_CELL_START = re.compile(rb"<c(?![A-Za-z])")
# Below: in text with double quotes only.
_CELL = re.compile(rb'<(?:\w+:)?c(?=\s)[^<>]*?\sr\s*=\s*"([A-Za-z]{1,9})([0-9]{1,19})"')
_ROW = re.compile(rb"<(?:\w+:)?row(?=[\s/>])")
_ROW_NUMBER = re.compile(rb'<(?:\w+:)?row\s[^<>]*?\br\s*=\s*"([0-9]{1,19})"')
_FILLED_CELL = re.compile(rb"<(?:\w+:)?c\b(?:[^<>]*?\sr\s*=\s*[\"'][A-Z]+(\d+))?[^<>]*>\s*<(?!/)")
_FORMULA = re.compile(
    rb"<c(?P<attributes>[^<>]*)>\s*<f[^<>]*(?:/>|>[^<]*</f>)\s*(?:<v>\s*</v>|<v\s*/>)?\s*</c>"
)
_PLAIN = bytes.maketrans(b"'", b'"')
_OVERLAP_BYTES = 512
_PIECES_AHEAD = 4
_LONGEST_TAG_BYTES = 8 << 20
_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 16_384


@dataclass
class SheetExtent:
    """What the XML of a sheet says.

    Attributes:
        rows: at least the number of the last row.
        columns: at least the number of the last column.
        empty_formulas: formulas without a saved value.
        first_row: number of the first row that holds anything; None where none does.
    """

    rows: int = _USUAL_ROWS
    columns: int = _USUAL_COLUMNS
    empty_formulas: int = 0
    first_row: int | None = None


def measure_sheet(read: Callable[[], Iterable[bytes]]) -> SheetExtent:
    """Look at the XML of a sheet, in bounded memory; twice where it is unusual.

    Args:
        read: gives the XML from its beginning.
    """
    extent = SheetExtent()
    # The next pieces are unpacked while this one is searched.
    with ThreadPoolExecutor(max_workers=1) as searcher:
        searches: deque[Future[bool]] = deque()
        for text, overlap in _overlapping(read()):
            if len(searches) == _PIECES_AHEAD and searches.popleft().result():
                return _measured_in_full(read())
            searches.append(searcher.submit(_search, text, overlap, extent))
            if len(text) > _LONGEST_TAG_BYTES:
                return SheetExtent(_MOST_ROWS, _MOST_COLUMNS, first_row=1)
        is_unusual = any(search.result() for search in searches)
    return _measured_in_full(read()) if is_unusual else extent


def _search(text: bytes, overlap: int, extent: SheetExtent) -> bool:
    """Note what a piece holds; True if a cell of it is written unusually."""
    if extent.first_row is None:
        _look(text, overlap, extent)
        return _holds(text, _UNUSUAL_CELL)
    if not _holds(text, _UNUSUAL_OR_FORMULA):
        return False
    _look(text, overlap, extent)
    return _holds(text, _UNUSUAL_CELL)


def _holds(text: bytes, pattern: str) -> bool:
    bounds = struct.pack("=2i", 0, len(text))
    # Of its own bytes: an array that is made of Python's would copy them.
    whole = pa.Array.from_buffers(pa.binary(), 1, [None, pa.py_buffer(bounds), pa.py_buffer(text)])
    return bool(pc.match_substring_regex(whole, pattern)[0].as_py())


def _measured_in_full(chunks: Iterable[bytes]) -> SheetExtent:
    """A row and a column that no cell is beyond; cells without a name follow one another."""
    extent = SheetExtent()
    rows = columns = counted_rows = in_row = widest = 0
    for text, overlap in _overlapping(chunks):
        _look(text, overlap, extent)
        cells = _PLAIN_CELL.findall(text)
        if b":c" in text or len(cells) != len(_CELL_START.findall(text)):
            plain = text.translate(_PLAIN)
            cells = _CELL.findall(plain)
            rows = max(rows, *map(int, _ROW_NUMBER.findall(plain)), 0)
            for number, row in enumerate(_ROW.split(plain)):
                in_row = row.count(b"<c") + row.count(b":c") + (0 if number else in_row)
                widest = max(widest, in_row)
                counted_rows += bool(number)
        names, numbers = ({cell[part] for cell in cells} for part in (0, 1))
        columns = max(columns, *map(_column_number, names), 0)
        rows = max(rows, *map(int, numbers), 0)
    extent.rows, extent.columns = max(rows, counted_rows), max(columns, widest)
    return extent


def _look(text: bytes, overlap: int, extent: SheetExtent) -> None:
    if extent.first_row is None and (filled := _FILLED_CELL.search(text)):
        extent.first_row = int(filled[1] or 1)
    if b"<f" in text:
        extent.empty_formulas += _empty_formulas(text, overlap)


def _empty_formulas(text: bytes, overlap: int) -> int:
    """Formulas that end behind the overlap and have no value; an empty text is a value."""
    return sum(
        match.end() > overlap and b't="str"' not in match["attributes"]
        for match in _FORMULA.finditer(text)
    )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number


def _overlapping(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Each chunk after the end of the one before, with the length of that end."""
    end = b""
    for chunk in chunks:
        text = end + chunk
        yield text, len(end)
        end = text[max(0, min(_whole(text), len(text) - _OVERLAP_BYTES)) :]


def _whole(text: bytes) -> int:
    """Where a tag begins that the end of the text cuts; it comes again with the next text."""
    tag = text.rfind(b"<")
    return len(text) if tag < 0 or text.find(b">", tag) >= 0 else tag
