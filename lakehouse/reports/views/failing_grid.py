"""The rows that fail a check, as a table for people: where each comes from stands in front."""

from datetime import datetime
from typing import Any

from lakehouse.quality.failing_rows import FailingRows
from lakehouse.quality.row_origins import FILE_COLUMN, LINE_COLUMN
from lakehouse.reports.views.view_types import Cell, Column, Grid
from lakehouse.reports.wording import Wording

MOST_ROWS = 50
_LONGEST_ORIGIN = 600


def failing_grid(failing: FailingRows, now: datetime, words: Wording) -> Grid | None:
    """The rows; None without any.

    The columns because of which they fail come first, then origin and first day, then the others;
    technical columns stand at the end.
    """
    rows = failing.rows[:MOST_ROWS]
    if not rows:
        return None
    file, line = _named(failing, FILE_COLUMN), _named(failing, LINE_COLUMN)
    others = [name for name in failing.columns if name not in (file, line)]
    marked = [name for name in others if name in failing.marked]
    rest = sorted(
        (name for name in others if name not in failing.marked),
        key=lambda name: name.startswith("_"),
    )
    numeric = {name for name in others if _is_numeric(rows, name)}
    since = failing.since[: len(rows)]
    has_since = any(since)
    origin = [Column(words.say("rows.origin"))] if file else []
    first_day = [Column(words.say("rows.since"))] if has_since else []

    def head(names: list[str]) -> list[Column]:
        return [Column(name, name in numeric) for name in names]

    def cells(row: dict[str, Any], names: list[str], is_marked: bool) -> list[Cell]:
        return [_cell(row[name], name in numeric, is_marked, words) for name in names]

    made = []
    for at, row in enumerate(rows):
        line_of = [*cells(row, marked, True)]
        if file:
            line_of.append(origin_cell(row[file], row[line] if line else None, words))
        if has_since:
            seen = since[at] if at < len(since) else None
            line_of.append(Cell(words.relative_day(seen, now) if seen else ""))
        made.append((*line_of, *cells(row, rest, False)))
    return Grid((*head(marked), *origin, *first_day, *head(rest)), tuple(made))


def rows_note(failing: FailingRows, words: Wording) -> str:
    """How many rows are shown of how many, and why some cannot be read or traced."""
    shown = len(failing.rows[:MOST_ROWS])
    parts = []
    if shown and failing.total > shown:
        parts.append(words.say("list.first_rows", shown=shown, count=failing.total))
    parts.append(_note(failing, words))
    return " ".join(part for part in parts if part)


def _note(failing: FailingRows, words: Wording) -> str:
    match failing.note_code:
        # The message of a unit test is shown, which says all.
        case "unit_test":
            return ""
        case "part_untraced":
            file = _named(failing, FILE_COLUMN)
            missing = sum(1 for row in failing.rows if not file or not row.get(file))
            return words.say("rows.note_part_untraced", count=missing)
        case "":
            return failing.note
    return words.say(f"rows.note_{failing.note_code}")


def _named(failing: FailingRows, column: str) -> str | None:
    return next((name for name in failing.columns if name.lower() == column), None)


def origin_cell(file: Any, line: Any, words: Wording) -> Cell:
    """The file that a row came from, with its line where that is known."""
    if file is None or not str(file).strip():
        return Cell(words.say("rows.empty"), "empty")
    name = str(file)
    name = name if len(name) <= _LONGEST_ORIGIN else name[: _LONGEST_ORIGIN - 1] + "…"
    if line is None:
        return Cell(name, "code")
    return Cell(words.say("rows.at_line", file=name, line=str(line)), "code")


def _cell(value: Any, numeric: bool, marked: bool, words: Wording) -> Cell:
    if value is None or (isinstance(value, str) and not value.strip()):
        shown = words.say("rows.empty" if value is None else "rows.blank")
        return Cell(shown, "strong" if marked else "empty")
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    if marked:
        return Cell(shown, "strong")
    return Cell(shown, "number") if numeric else Cell(shown)


def _is_numeric(rows: tuple[dict[str, Any], ...], column: str) -> bool:
    values = [row[column] for row in rows if row[column] is not None]
    return bool(values) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )
