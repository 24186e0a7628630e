"""DuckDB's reject table, as rejected rows with the record as delivered.

One bad record may have several entries; its `line_byte_position` (1-based) tells records apart.
Before CRLF or blank lines it points there, and `csv_line` then starts with those line ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.csv.parser import BUFFER_BYTES, REJECT_TABLE
from lakehouse.formats.record_scan import Span
from lakehouse.formats.staged_file import RejectedRow

RECORD_LIMIT = 100_000
FAULT_LIMIT = 3 * RECORD_LIMIT
_RAW_BYTES_LIMIT = 64 << 20


@dataclass(frozen=True)
class ParserFault:
    """A record that DuckDB rejected.

    Attributes:
        start: byte (0-based) of the parsed text at which it starts.
        error_type: DuckDB's name of its first fault.
        column: at fault, where it is one.
        fields: columns found, where their number is the fault.
        excerpt: the record's first 10,000 characters.
    """

    start: int
    error_type: str
    column: str | None
    fields: int | None
    excerpt: str


def count_faults(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Count the rejected records of the connection's parse, and their faults."""
    row = connection.execute(
        f"select count(distinct line_byte_position), count(*) from {REJECT_TABLE}"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def read_faults(
    connection: duckdb.DuckDBPyConnection, where: str, rows: int
) -> tuple[ParserFault, ...]:
    """Read the rejected records of the connection's parse, in the file's order.

    Args:
        connection: that parsed.
        where: table and file, for messages.
        rows: that it accepted.

    Raises:
        DeliveryRefused: more records were rejected than can be kept one by one.
    """
    records, faults = count_faults(connection)
    if records > RECORD_LIMIT or faults >= FAULT_LIMIT:
        raise DeliveryRefused(
            f"{where}: more than {min(records, RECORD_LIMIT)} records cannot be parsed, {rows} "
            f"can. Ask the sender for a clean file, or check the table's dialects.",
            rows=rows + records,
        )
    found = connection.execute(
        f"""
        select line_byte_position - 1 + length(any_value(csv_line)) - length(any_value(record)),
            arg_min(error_type, byte_position),
            arg_min(column_name, byte_position),
            max(try_cast(regexp_extract(error_message, 'Found: (\\d+)', 1) as integer)),
            any_value(record)
        from (select *, ltrim(csv_line, chr(10) || chr(13)) as record from {REJECT_TABLE})
        group by line_byte_position order by line_byte_position
        """
    ).fetchall()
    return tuple(ParserFault(*row) for row in found)


def rejected_rows(
    faults: Sequence[ParserFault], spans: Mapping[int, Span], text: Path, columns: int, where: str
) -> tuple[RejectedRow, ...]:
    """Describe rejected records, each in full.

    Args:
        faults: of the parse.
        spans: where in `text` each lies, by its start; a fault without one has no line and
            only DuckDB's excerpt.
        text: what was parsed.
        columns: of the header.
        where: table and file, for messages.

    Raises:
        DeliveryRefused: together they are larger than 64 MiB.
    """
    size = sum(span.end - span.start for span in spans.values())
    if size > _RAW_BYTES_LIMIT:
        first = min(span.line for span in spans.values())
        raise DeliveryRefused(
            f"{where}: {len(faults)} records of {size >> 20} MiB cannot be parsed, the first in "
            f"line {first}. Ask the sender for a clean file."
        )
    rows = []
    with text.open("rb") as file:
        for fault in faults:
            span = spans.get(fault.start)
            if span is None:
                rows.append(_row(fault, None, fault.excerpt, columns))
                continue
            file.seek(span.start)
            record = file.read(span.end - span.start).removesuffix(b"\n").removesuffix(b"\r")
            raw = record.decode("utf-8", errors="backslashreplace")
            rows.append(_row(fault, span.line, raw, columns))
    return tuple(rows)


def _row(fault: ParserFault, line: int | None, raw: str, columns: int) -> RejectedRow:
    reasons = {
        "MISSING COLUMNS": f"has {fault.fields} of {columns} columns",
        "TOO MANY COLUMNS": f"has {fault.fields} columns instead of {columns}",
        "UNQUOTED VALUE": "a quote is not closed, or text follows a closing quote",
        "INVALID ENCODING": "holds bytes that are not UTF-8",
        "LINE SIZE OVER MAXIMUM": f"is longer than {BUFFER_BYTES} bytes",
    }
    reason = reasons.get(fault.error_type, fault.error_type.lower())
    whole_record = fault.error_type == "TOO MANY COLUMNS"
    return RejectedRow(line, None if whole_record else fault.column, reason, None, raw)
