"""Rows of a publication as a CSV file (RFC 4180, UTF-8 with a mark that spreadsheets look for)."""

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

from lakehouse.dashboard.publication import Row
from lakehouse.dashboard.written_values import plain_text
from lakehouse.lake.duckdb_session import resources_suffice
from lakehouse.quality.masking import MASK

MOST_ROWS = 1_000_000
_MEMORY_BYTES = 4 << 20
# A spreadsheet would run a cell that begins so.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")
_WRITTEN = (int, float, Decimal, date, datetime)


def write_csv(
    names: Sequence[str], batches: Iterable[Sequence[Row]], masked: frozenset[str]
) -> IO[bytes]:
    """Write rows to a temporary file, which is on disk once it is large.

    The publication need not stay open while a slow reader takes the file.

    Args:
        names: of the columns.
        batches: rows; those beyond `MOST_ROWS` are left out.
        masked: lower-case names of columns whose values are not shown.

    Returns:
        The file, at its beginning; closing it removes it.

    Raises:
        ResourcesExhausted: the disk is full.
    """
    file = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - given back open
    try:
        with resources_suffice("The file to download"):
            _write(file, names, batches, masked)
    except BaseException:
        file.close()
        raise
    return file


def _write(
    file: IO[bytes],
    names: Sequence[str],
    batches: Iterable[Sequence[Row]],
    masked: frozenset[str],
) -> None:
    hidden = [number for number, name in enumerate(names) if name.lower() in masked]
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(names)
    left = MOST_ROWS
    for batch in batches:
        for row in batch[:left]:
            cells = [_cell(value) for value in row]
            for number in hidden:
                cells[number] = MASK if cells[number] is not None else None
            writer.writerow(cells)
        left -= min(left, len(batch))
        if not left:
            break
    text.flush()
    text.detach()
    file.seek(0)


def _cell(value: Any) -> Any:
    """What the writer of CSV writes as it should; most cells are texts and numbers."""
    if isinstance(value, str):
        is_formula = value.startswith(_FORMULA) and not _NUMBER.fullmatch(value)
        return f"'{value}" if is_formula else value
    if value is None or type(value) in _WRITTEN:
        return value
    return plain_text(value)
