"""JSON documents and newline-delimited JSON, staged as text: scalars as written, the rest as JSON.

DuckDB reads regular files; whatever it would change, take against RFC 8259 or refuse as a whole
is read record by record instead.
"""

import tempfile
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.content_profile import ContentProfile
from lakehouse.formats.declared_encoding import decode_declared
from lakehouse.formats.decoded_text import DecodedText
from lakehouse.formats.json.exact import StagedRecords, stage_exactly
from lakehouse.formats.json.lines import (
    RecordLines,
    delivered_lines,
    longest_line,
    without_mark,
    write_lines,
)
from lakehouse.formats.json.location import RecordsUnfound, find_records
from lakehouse.formats.json.quick import stage_regular
from lakehouse.formats.nested_fields import left_out_warnings
from lakehouse.formats.source_lines import LineBreaks
from lakehouse.formats.staged_file import StagedFile
from lakehouse.formats.staging_limits import USUAL_LIMITS, StagingLimits
from lakehouse.lake.duckdb_session import resources_suffice
from lakehouse.source_catalog import Table

# Too short for a depth that DuckDB would not survive.
_SAFE_LINE_BYTES = 50_000

# What the lines are expected to be, and a wait for what they are.
Lines = tuple[RecordLines, Callable[[], RecordLines]]


def stage_json(
    file: Path,
    table: Table,
    scratch: Path,
    *,
    name: str | None = None,
    profile: ContentProfile | None = None,
    limits: StagingLimits = USUAL_LIMITS,
) -> StagedFile:
    """Parse a JSON document: the array of records, or the one record, at `records` of its table.

    Args:
        file: as delivered; it is only read.
        table: with its contract, encoding and the path of its records.
        scratch: folder for the staged file; made if missing.
        name: of the file for messages, if it is not that of `file`.
        profile: of this very content, if it was read already.
        limits: of DuckDB.

    Returns:
        The staged file, which the caller deletes after use. Its rows have no lines; reasons of
        rejects say which record it is.

    Raises:
        DeliveryRefused: the document is empty, damaged, has no records there, or breaks the
            contract.
        ResourcesExhausted: memory or disk did not suffice.
        OSError: the file cannot be read.
    """
    where = f"{table.full_name}, file {name or file.name}"

    def lines_of(text: DecodedText, work: Path) -> Lines:
        try:
            place = find_records(text.path, table.meta.file.records)
        except RecordsUnfound as unfound:
            raise DeliveryRefused(f"{where}: {unfound}. Correct the file, or records.") from None
        lines = write_lines(text.path, place, work / "records.ndjson", where=where)
        return lines, lambda: lines

    return _stage(file, table, scratch, lines_of, where, profile, limits)


def stage_ndjson(
    file: Path,
    table: Table,
    scratch: Path,
    *,
    name: str | None = None,
    profile: ContentProfile | None = None,
    limits: StagingLimits = USUAL_LIMITS,
) -> StagedFile:
    """Parse newline-delimited JSON: one record a line, blank lines aside.

    Arguments, result and errors are those of `stage_json`; here rows have lines.
    """
    where = f"{table.full_name}, file {name or file.name}"

    with ThreadPoolExecutor(max_workers=1) as scanner:

        def lines_of(text: DecodedText, work: Path) -> Lines:
            path = without_mark(text.path, work)
            scanned = scanner.submit(delivered_lines, path, text.lines)
            if longest_line(path) > _SAFE_LINE_BYTES:
                return scanned.result(), scanned.result
            # The scan goes on while DuckDB reads: the two wait for each other only at the end.
            expected = RecordLines(path, text.lines, True, True, 0, are_delivered=True)
            return expected, scanned.result

        return _stage(file, table, scratch, lines_of, where, profile, limits)


def _stage(
    file: Path,
    table: Table,
    scratch: Path,
    lines_of: Callable[[DecodedText, Path], Lines],
    where: str,
    profile: ContentProfile | None,
    limits: StagingLimits,
) -> StagedFile:
    scratch.mkdir(parents=True, exist_ok=True)
    target = scratch / f"staged-{uuid.uuid4().hex}.parquet"
    try:
        with resources_suffice(where), tempfile.TemporaryDirectory(dir=scratch) as folder:
            work = Path(folder)
            text = decode_declared(file, profile, table, work, where=where)
            expected, scanned = lines_of(text, work)
            return _stage_lines(expected, scanned, text.encoding, table, target, limits, where)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _stage_lines(
    expected: RecordLines,
    scanned: Callable[[], RecordLines],
    encoding: str,
    table: Table,
    target: Path,
    limits: StagingLimits,
    where: str,
) -> StagedFile:
    regular = expected.is_regular and expected.lines > 0
    quick = None
    if regular:
        quick = stage_regular(scanned, expected, table, target, limits, where=where)
    lines = scanned()
    if quick:
        breaks = LineBreaks.from_steps([0], [1])
        records = StagedRecords(quick.columns, quick.keys, lines.lines, (), breaks, quick.left_out)
    else:
        records = stage_exactly(lines, table, target, where=where)
    return StagedFile(
        path=target,
        header=tuple(column.name for column in records.columns),
        rows=records.rows,
        rejects=records.rejects,
        dialect=table.meta.dialects[0],
        encoding=encoding,
        line_breaks=records.breaks if lines.are_delivered else None,
        record_breaks=None if lines.are_delivered else records.breaks,
        new_columns=records.keys.new_columns,
        warnings=left_out_warnings(records.left_out),
    )
