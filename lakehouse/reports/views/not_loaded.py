"""What is not in the lake: what did not come or could not be read, refused files and rows."""

from collections.abc import Iterable
from datetime import datetime
from typing import get_args

from lakehouse.quality.run_facts import SourceFacts
from lakehouse.quality.source_faults import FaultKind, RefusedFile, RefusedRow, SourceFault
from lakehouse.reports.views.failing_grid import origin_cell
from lakehouse.reports.views.view_types import Cell, Column, Grid, Section
from lakehouse.reports.wording import Wording

MOST_ROWS = 200


def not_loaded_section(
    sources: Iterable[SourceFacts], now: datetime, words: Wording
) -> Section | None:
    """What did not come or could not be read, then refused files, then rows, then single values.

    Args:
        sources: tables that came.
        now: start of the run.
        words: the language.

    Returns:
        None if everything that should have come did, and was loaded.
    """
    came = list(sources)
    faults = _untold_faults(came)
    missing, unread, quarantined, partly = (
        [_fault(fault, now, words) for fault in faults if fault.kind == kind]
        for kind in get_args(FaultKind)
    )
    files = [_file(source, file, now, words) for source in came for file in source.refused_files]
    files += quarantined
    refused = [_row(source, row, words) for source in came for row in _rows(source, loaded=False)]
    refused += partly
    values = [_row(source, row, words) for source in came for row in _rows(source, loaded=True)]
    rows = [*missing, *unread, *files, *refused, *values]
    if not rows:
        return None
    told = (
        ("missing", missing),
        ("unread", unread),
        ("files", files),
        ("rows", refused),
        ("values", values),
    )
    lines = tuple(words.say(f"not_loaded.{key}_todo") for key, found in told if found)
    heads = ("state", "from", "column", "reason", "arrived", "table")
    columns = [Column(words.say(f"column.{head}")) for head in heads]
    kept = [at for at in range(len(heads)) if any(row[at].text for row in rows)]
    grid = Grid(
        tuple(columns[at] for at in kept),
        tuple(tuple(row[at] for at in kept) for row in rows[:MOST_ROWS]),
        _note(came, len(rows), words),
    )
    return Section(words.say("section.not_loaded"), lines, grid)


def _untold_faults(sources: list[SourceFacts]) -> list[SourceFault]:
    """The faults whose files and rows are not told one by one, each of them once."""
    found: dict[int, SourceFault] = {}
    for source in sources:
        told = {
            "quarantined": {one.file for one in source.refused_files},
            "partly": {one.file for one in source.refused_rows},
        }
        found |= {
            fault.error_id: fault
            for fault in source.faults
            if fault.file not in told.get(fault.kind, ())
        }
    return list(found.values())


def _fault(fault: SourceFault, now: datetime, words: Wording) -> tuple[Cell, ...]:
    if fault.kind == "missing":
        # The message names folders and settings, which are nothing for an owner.
        day = words.relative_day(fault.since, now)
        reason = words.say("not_loaded.missing_since", since=day)
    else:
        reason = fault.message
    has_come = fault.kind in ("quarantined", "partly")
    key = "arrival.quarantined" if fault.kind == "quarantined" else f"not_loaded.{fault.kind}"
    return (
        Cell(words.say(key), "tag", "warn"),
        origin_cell(fault.file, None, words) if fault.file else Cell(""),
        Cell(""),
        Cell(reason.strip()),
        Cell(words.near(fault.since, now) if has_come else ""),
        Cell(fault.table, "code"),
    )


def _rows(source: SourceFacts, *, loaded: bool) -> list[RefusedRow]:
    return [row for row in source.refused_rows if row.loaded == loaded]


def _file(
    source: SourceFacts, refused: RefusedFile, now: datetime, words: Wording
) -> tuple[Cell, ...]:
    return (
        Cell(words.say("arrival.quarantined"), "tag", "warn"),
        origin_cell(refused.file, None, words),
        Cell(""),
        Cell(refused.reason.strip()),
        Cell(words.near(refused.arrived_at, now)),
        Cell(source.name, "code"),
    )


def _row(source: SourceFacts, row: RefusedRow, words: Wording) -> tuple[Cell, ...]:
    said = words.say("not_loaded.value" if row.loaded else "not_loaded.row")
    return (
        Cell(said, "tag", "skip" if row.loaded else "warn"),
        origin_cell(row.file, row.line, words),
        Cell(row.column or "", "code"),
        Cell(row.reason.strip()),
        Cell(""),
        Cell(source.name, "code"),
    )


def _note(sources: list[SourceFacts], rows: int, words: Wording) -> str:
    parts = []
    for source in sources:
        shown = len({(row.file, row.line) for row in _rows(source, loaded=False)})
        # Rows of a file in quarantine count as rejected, but are not told one by one.
        if shown and not source.refused_files and source.rejected > shown:
            said = words.say(
                "not_loaded.first_rows", table=source.name, shown=shown, count=source.rejected
            )
            parts.append(said)
    if rows > MOST_ROWS:
        parts.append(words.say("list.more_lines", count=rows - MOST_ROWS))
    return " ".join(parts)
