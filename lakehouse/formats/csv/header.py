"""The first record of a delimited file, and whether it keeps the table's contract."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from lakehouse.source_catalog import METADATA_COLUMNS, CsvDialect, Table

HEADER_LIMIT = 1 << 20
_COMMON_DELIMITERS = ",;\t|"


class HeaderUnfit(Exception):
    """The first record is not a header of the table; says why, without values of the file."""


class HeaderDiffers(HeaderUnfit):
    """The first record is a header with columns of the table, but not with those it needs."""


@dataclass(frozen=True)
class CsvHeader:
    """Column names as delivered, stripped.

    Attributes:
        names: in file order.
        blank_lines: empty lines above the header.
        lines: physical lines up to and with the header's last one.
    """

    names: tuple[str, ...]
    blank_lines: int
    lines: int


def read_header(text: Path, dialect: CsvDialect) -> CsvHeader:
    """Parse the first record of UTF-8 text that is not blank.

    Raises:
        HeaderUnfit: there is none within the first MiB.
    """
    with text.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        head = file.read(HEADER_LIMIT)
    try:
        records = csv.reader(
            io.StringIO(head, newline=""), delimiter=dialect.delimiter, quotechar=dialect.quote
        )
        blank_lines = 0
        for record in records:
            if record:
                names = tuple(name.strip() for name in record)
                return CsvHeader(names, blank_lines, records.line_num)
            blank_lines = records.line_num
    except (csv.Error, ValueError, TypeError) as error:
        raise HeaderUnfit(f"the first record cannot be parsed: {error}") from None
    raise HeaderUnfit("there is no header")


def undeclared_columns(header: CsvHeader, table: Table, dialect: CsvDialect) -> tuple[str, ...]:
    """Hold a header against the contract: names are compared as they are, after stripping.

    Columns captured from the file's name are not expected in the file.

    Returns:
        Delivered columns that the contract does not declare.

    Raises:
        HeaderUnfit: declared columns are missing, or names are blank, doubled or reserved. Names
            of the file are repeated only where it has a declared column, as a file without a
            header has data in its place.
    """
    required = [c.name for c in table.columns if c.name not in table.captured]
    missing = [name for name in required if name not in header.names]
    if missing and len(header.names) == 1 and len(required) > 1:
        raise HeaderUnfit(_one_column(header.names[0], dialect))
    if any("\0" in name for name in header.names):
        raise HeaderUnfit("the header holds NUL bytes: if the file is UTF-16, add utf-16-le")
    if len(missing) == len(required):
        raise HeaderUnfit(
            f"none of the declared columns ({', '.join(required)}) stands in the first line, "
            f"which has {len(header.names)} fields: is the header missing?"
        )
    faults = [f"missing columns: {', '.join(missing)}{_case_hint(missing, header)}"]
    faults = faults if missing else []
    faults += _name_faults(header, table)
    if faults:
        raise HeaderDiffers("; ".join(faults))
    return tuple(name for name in header.names if name not in required)


def _one_column(line: str, dialect: CsvDialect) -> str:
    counts = {mark: line.count(mark) for mark in _COMMON_DELIMITERS if mark != dialect.delimiter}
    best = max(counts, key=lambda mark: counts[mark])
    hint = f"; it has {counts[best]} times {best!r}" if counts[best] else ""
    return (
        f"the header is ONE column under delimiter {dialect.delimiter!r}, "
        f"so the delimiter is wrong{hint}"
    )


def _case_hint(missing: list[str], header: CsvHeader) -> str:
    delivered = {name.casefold(): name for name in header.names}
    close = [delivered[name.casefold()] for name in missing if name.casefold() in delivered]
    return f" (delivered in other letters: {', '.join(close)})" if close else ""


def _name_faults(header: CsvHeader, table: Table) -> list[str]:
    faults = []
    folded = [name.casefold() for name in header.names]
    blank = [str(place) for place, name in enumerate(header.names, 1) if not name]
    if blank:
        faults.append(f"columns without a name at place {', '.join(blank)}")
    doubled = sorted({name for name in folded if name and folded.count(name) > 1})
    if doubled:
        faults.append(f"columns that come twice: {', '.join(doubled)}")
    ours = {name.casefold() for name in (*METADATA_COLUMNS, *table.captured)}
    reserved = [name for name in header.names if name.casefold() in ours]
    if reserved:
        faults.append(f"columns that the lake adds itself: {', '.join(reserved)}")
    if any("\ufffd" in name for name in header.names):
        faults.append("the header holds bytes that are no text in this encoding")
    return faults
