"""An XML document, parsed into a scratch Parquet file of text columns.

Each element at the table's `record_path` is a record. Its columns are child elements and what
`path` of a column says; see docs/formats.md.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa
from lxml import etree

from lakehouse.errors import ColumnsUnfit, DeliveryRefused
from lakehouse.formats.content_profile import ContentProfile
from lakehouse.formats.staged_file import RejectedRow, StagedFile
from lakehouse.formats.staging_limits import USUAL_LIMITS, StagingLimits
from lakehouse.formats.text_columns import (
    LINE_COLUMN,
    StagedWriter,
    expected_columns,
    name_faults,
)
from lakehouse.formats.xml.cells import RecordReader, RecordUnfit, Row
from lakehouse.formats.xml.paths import record_path
from lakehouse.formats.xml.records import RecordStream
from lakehouse.source_catalog import Table

# More rows than the processor's cache holds take twice as long to turn into columns.
_BATCH_ROWS = 5_000
_BATCH_BYTES = 16 << 20
_REJECT_LIMIT = 100_000
_REJECT_BYTES = 64 << 20


def stage_xml(
    file: Path,
    table: Table,
    scratch: Path,
    *,
    name: str | None = None,
    profile: ContentProfile | None = None,  # noqa: ARG001 - lxml reads the encoding itself
    limits: StagingLimits = USUAL_LIMITS,  # noqa: ARG001 - memory does not grow with the file
) -> StagedFile:
    """Parse a delivered XML document.

    Args:
        file: as delivered; it is only read.
        table: with its contract, `record_path` and the paths of its columns.
        scratch: folder for the staged file; made if missing.
        name: of the file for messages, if it is not that of `file`.
        profile: not needed.
        limits: not needed.

    Returns:
        The staged file, which the caller deletes after use; its last column has the lines.

    Raises:
        DeliveryRefused: the document is not well formed, breaks the contract or needs entities.
        CatalogInvalid: a path of the contract is none.
        OSError: the file cannot be read.
    """
    where = f"{table.full_name}, file {name or file.name}"
    scratch.mkdir(parents=True, exist_ok=True)
    target = scratch / f"staged-{uuid.uuid4().hex}.parquet"
    reader = RecordReader(table, where)
    with _syntax_errors(where), StagedWriter(target) as writer:
        stream = RecordStream(file, record_path(table), where)
        rejects = _write_records(stream, reader, writer, where)
        if not writer.rows and not rejects:
            reader.names = list(expected_columns(table))
        elif faults := name_faults(reader.found_names, table):
            raise ColumnsUnfit(
                f"{where}: {'; '.join(faults)}. Correct the file, or declare its columns and "
                "their paths.",
                rows=writer.rows + len(rejects),
            )
        columns = [(column, pa.string()) for column in reader.names]
        writer.finish([*columns, (LINE_COLUMN, pa.int64())])
    warning = "records hold text of their own, which no column takes: declare one with path '.'"
    return StagedFile(
        path=target,
        header=tuple(reader.names),
        rows=writer.rows,
        rejects=tuple(rejects),
        dialect=table.meta.dialects[0],
        encoding=stream.encoding.lower(),
        new_columns=tuple(reader.undeclared),
        warnings=(warning,) if reader.has_loose_text else (),
        has_lines=True,
    )


def _write_records(
    stream: RecordStream, reader: RecordReader, writer: StagedWriter, where: str
) -> list[RejectedRow]:
    rows: list[Row] = []
    lines: list[int | None] = []
    rejects: list[RejectedRow] = []
    rejected_bytes, written_at = 0, 0
    for record, line in stream:
        try:
            rows.append(reader.read(record))
        except RecordUnfit as unfit:
            raw = etree.tostring(record, encoding="unicode", with_tail=False)
            rejects.append(RejectedRow(line, unfit.column, unfit.reason, None, raw))
            rejected_bytes += len(raw)
            _refuse_many(rejects, rejected_bytes, writer.rows + len(rows), where)
            continue
        lines.append(line)
        if len(rows) >= _BATCH_ROWS or stream.bytes_read - written_at > _BATCH_BYTES:
            writer.write(_batch(reader.names, rows, lines))
            rows, lines, written_at = [], [], stream.bytes_read
    if rows:
        writer.write(_batch(reader.names, rows, lines))
    return rejects


def _batch(names: list[str], rows: list[Row], lines: list[int | None]) -> pa.Table:
    # Rows from before a column turned up are shorter.
    columns = list(zip_longest(*rows))
    columns += [(None,) * len(rows)] * (len(names) - len(columns))
    arrays: list[Any] = [pa.array(column, pa.string()) for column in columns]
    arrays.append(pa.array(lines, pa.int64()))
    return pa.table(arrays, names=[*names, LINE_COLUMN])


def _refuse_many(rejects: list[RejectedRow], size: int, rows: int, where: str) -> None:
    if len(rejects) > _REJECT_LIMIT or size > _REJECT_BYTES:
        first = rejects[0]
        raise DeliveryRefused(
            f"{where}: {len(rejects)} records are not usable, the first in line {first.line}: "
            f"column {first.column} {first.reason}. Check the table's paths.",
            rows=rows + len(rejects),
        )


@contextmanager
def _syntax_errors(where: str) -> Iterator[None]:
    """Turn what lxml raises into a refusal, without the bytes at fault.

    Raises:
        DeliveryRefused: naming the line.
    """
    try:
        yield
    except etree.XMLSyntaxError as error:
        log: Any = error.error_log
        last = log.last_error
        cause = str(last.message if last else error.msg).partition("\n")[0].rstrip(". ")
        cause += f" in line {last.line}" if last else ""
        raise DeliveryRefused(
            f"{where} is not well-formed XML: {cause}. Ask the sender for a correct and whole file."
        ) from error
    except UnicodeError as error:
        raise DeliveryRefused(f"{where} holds text that is not in its encoding.") from error
