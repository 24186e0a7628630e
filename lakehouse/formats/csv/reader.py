"""A delimited file, parsed into a scratch Parquet file of text columns.

Parsing and typing are two passes: see docs/decisions/0002. Nothing is lost on the way: every
record of the file is a row of the staged file or a rejected row, or the file is refused.
"""

import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.content_profile import ContentProfile, profile_content
from lakehouse.formats.csv.dialect import DialectChoice, choose_dialect
from lakehouse.formats.csv.parser import (
    BUFFER_BYTES,
    copy_to_parquet,
    csv_session,
    parse_errors,
    read_csv_sql,
)
from lakehouse.formats.csv.rejects import FAULT_LIMIT, ParserFault, read_faults, rejected_rows
from lakehouse.formats.decoded_text import TextDecoder
from lakehouse.formats.line_ends import parse_one_line_end
from lakehouse.formats.record_scan import RecordGrammar, RecordScan, scan_records
from lakehouse.formats.source_lines import LineBreaks
from lakehouse.formats.staged_file import RejectedRow, StagedFile
from lakehouse.formats.staging_limits import USUAL_LIMITS, StagingLimits
from lakehouse.source_catalog import Table


@dataclass(frozen=True)
class _Lines:
    breaks: LineBreaks | None
    rejects: tuple[RejectedRow, ...]
    warnings: tuple[str, ...] = ()


def stage_csv(
    file: Path,
    table: Table,
    scratch: Path,
    *,
    name: str | None = None,
    profile: ContentProfile | None = None,
    limits: StagingLimits = USUAL_LIMITS,
) -> StagedFile:
    """Parse a delivered file in the one dialect of its table that it fits.

    Args:
        file: as delivered; it is only read.
        table: with its contract and dialects.
        scratch: folder for the staged file; made if missing.
        name: of the file for messages, if it is not that of `file`.
        profile: of this very content, if it was read already.
        limits: of DuckDB.

    Returns:
        The staged file, which the caller deletes after use.

    Raises:
        DeliveryRefused: the file is empty, breaks the contract, or cannot be parsed without loss.
        ResourcesExhausted: memory or disk did not suffice.
        OSError: the file cannot be read.
    """
    where = f"{table.full_name}, file {name or file.name}"
    profile = profile or profile_content(file)
    if profile.is_empty:
        raise DeliveryRefused(f"{where} is empty ({profile.size} bytes). Ask for it again.")
    scratch.mkdir(parents=True, exist_ok=True)
    target = scratch / f"staged-{uuid.uuid4().hex}.parquet"
    try:
        with parse_errors(where), tempfile.TemporaryDirectory(dir=scratch) as folder:
            work = Path(folder)
            decoder = TextDecoder(file, profile, work)
            choice = choose_dialect(table, decoder, work, memory=limits.memory, where=where)
            return _stage(choice, target, work, limits, where=where)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _stage(
    choice: DialectChoice, target: Path, work: Path, limits: StagingLimits, *, where: str
) -> StagedFile:
    threads, memory = limits.threads, limits.memory
    header, dialect = choice.header, choice.dialect
    grammar = RecordGrammar(
        dialect.delimiter.encode(),
        dialect.quote.encode(),
        single_column=len(header.names) == 1,
        carriage_return_only=choice.text.newlines == 0,
    )

    def parse(text: Path) -> tuple[int, tuple[ParserFault, ...]]:
        with parse_errors(where), csv_session(work, threads=threads, memory=memory) as connection:
            source = read_csv_sql(text, header, dialect, FAULT_LIMIT)
            rows = copy_to_parquet(connection, source, header, target)
            return rows, read_faults(connection, where, rows)

    (rows, faults), text = parse_one_line_end(
        parse, choice.text.path, work / "unified.txt", grammar, where
    )
    if not faults and choice.text.lines == header.lines + rows:
        lines = _Lines(LineBreaks.from_steps([0], [header.lines + 1]), ())
    else:
        lines = _scan_lines(text, grammar, header.lines, len(header.names), rows, faults, where)
    return StagedFile(
        path=target,
        header=header.names,
        rows=rows,
        rejects=lines.rejects,
        dialect=dialect,
        encoding=choice.text.encoding,
        line_breaks=lines.breaks,
        new_columns=choice.new_columns,
        warnings=choice.warnings + lines.warnings,
    )


def _scan_lines(
    text: Path,
    grammar: RecordGrammar,
    header_lines: int,
    columns: int,
    rows: int,
    faults: tuple[ParserFault, ...],
    where: str,
) -> _Lines:
    scan = scan_records(
        text,
        grammar,
        header_lines=header_lines,
        rejected=[fault.start for fault in faults],
        record_limit=BUFFER_BYTES,
    )
    agreed = scan.accepted == rows and len(scan.rejected) == len(faults)
    if not agreed:
        _refuse_loss(scan, rows, len(faults), where)
    rejects = rejected_rows(faults, scan.rejected, text, columns, where)
    if agreed:
        return _Lines(scan.breaks, rejects)
    warning = (
        f"{rows + len(faults)} records were read where the file's lines show "
        f"{scan.accepted + len(scan.rejected)}, so the rows have no line numbers; check its quotes"
    )
    return _Lines(None, rejects, (warning,))


def _refuse_loss(scan: RecordScan, rows: int, rejects: int, where: str) -> None:
    """Refuse a file of which DuckDB lost records without a word, as it does in long quotes."""
    shown = scan.accepted + len(scan.rejected)
    if scan.open_quote is not None:
        cause = f"a quote that is opened in the record of line {scan.open_quote} is never closed"
    elif scan.oversized is not None:
        cause = f"the record of line {scan.oversized} is longer than {BUFFER_BYTES} bytes"
    elif rows + rejects < shown:
        cause = f"{shown - rows - rejects} of {shown} records cannot be told apart"
    else:
        return
    raise DeliveryRefused(f"{where}: {cause}. Ask the sender to correct it.", rows=shown)
