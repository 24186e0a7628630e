"""Rows of a publication as a CSV file (RFC 4180, UTF-8 with a mark that spreadsheets look for)."""

import csv
import io
import tempfile
from collections.abc import Iterable, Sequence
from typing import IO, Any

from lakehouse.dashboard.publication import Row
from lakehouse.dashboard.written_values import plain_text
from lakehouse.quality.masking import MASK

MOST_ROWS = 1_000_000
_MEMORY_BYTES = 4 << 20
# A spreadsheet would run a cell that begins so.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


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
    """
    file = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - given back open
    hidden = [name.lower() in masked for name in names]
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(names)
    left = MOST_ROWS
    for batch in batches:
        kept = batch[:left]
        writer.writerows([_cell(v, h) for v, h in zip(row, hidden, strict=True)] for row in kept)
        left -= len(kept)
        if not left:
            break
    text.flush()
    text.detach()
    file.seek(0)
    return file


def _cell(value: Any, is_hidden: bool) -> str:
    if value is None:
        return ""
    if is_hidden:
        return MASK
    text = plain_text(value)
    is_text = not isinstance(value, int | float) and not text.lstrip("-").replace(".", "").isdigit()
    return f"'{text}" if is_text and text.startswith(_FORMULA) else text
