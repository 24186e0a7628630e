"""The first rows of a delimited file, with the dialect that it shows."""

import csv
import io
from collections import Counter
from pathlib import Path

from charset_normalizer import from_bytes

from lakehouse.errors import SourceNotRecognised
from lakehouse.scaffold.sample import SAMPLE_ROWS, Sample, SampledColumn

_HEAD_BYTES = 4 << 20
_DELIMITERS = (",", ";", "\t", "|")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def sample_csv(content: bytes, name: str) -> Sample:
    """Look at the head of a delimited file.

    Args:
        content: its first bytes, cut anywhere.
        name: for messages.

    Raises:
        SourceNotRecognised: no delimiter gives several columns, or there is no header.
    """
    text, encoding, doubts = decoded_head(content)
    delimiter = _delimiter_of(text, name)
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))[: SAMPLE_ROWS + 1]
    rows = [row for row in rows if row]
    header = [cell.strip() for cell in rows[0]]
    if any(not cell for cell in header) or len(set(header)) < len(header):
        raise SourceNotRecognised(
            f"{name}: its first line is no header: {len(header)} columns, of which some have no "
            "name or the same. Add a header, or declare the table by hand."
        )
    body = [row for row in rows[1:] if len(row) == len(header)]
    columns = [
        SampledColumn(column, [row[place] for row in body]) for place, column in enumerate(header)
    ]
    dialect = {"delimiter": delimiter, "encoding": encoding}
    if not body:
        doubts = (*doubts, "no rows below the header: every type is text")
    return Sample({"format": "csv"}, columns, dialect, doubts=doubts)


def read_head(file: Path) -> bytes:
    """The first 4 MiB of a file, cut after a line where there is one."""
    with file.open("rb") as opened:
        content = opened.read(_HEAD_BYTES)
        if opened.read(1):
            content = content[: content.rfind(b"\n") + 1] or content
    return content


def decoded_head(content: bytes) -> tuple[str, str, tuple[str, ...]]:
    """Text, encoding and doubts about it."""
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            text = content.decode(encoding, errors="ignore")
            return text.lstrip("\ufeff"), encoding, ()
    try:
        return content.decode("utf-8"), "utf-8", ()
    except UnicodeDecodeError:
        pass
    best = from_bytes(content[:200_000]).best()
    found = best.encoding if best else ""
    # Almost any bytes decode in some single-byte encoding: there the commonest is the best guess.
    encoding = found if found.startswith(("utf_16", "utf_32")) else "cp1252"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        encoding, text = "latin-1", content.decode("latin-1")
    return text, encoding, (f"not UTF-8; read as {encoding}: check its accents",)


def _delimiter_of(text: str, name: str) -> str:
    counts: dict[str, tuple[float, int]] = {}
    for delimiter in _DELIMITERS:
        rows = csv.reader(io.StringIO(text[:200_000]), delimiter=delimiter)
        try:
            widths = Counter(len(row) for row in rows if row)
        except csv.Error:
            continue
        if widths:
            width, rows_of_it = widths.most_common(1)[0]
            if width > 1:
                counts[delimiter] = (rows_of_it / widths.total(), width)
    if not counts:
        raise SourceNotRecognised(
            f"{name}: no comma, semicolon, tab or bar gives it columns. If it is text in columns "
            "by position, declare format fixed_width by hand: docs/formats.md."
        )
    return max(counts, key=lambda delimiter: counts[delimiter])
