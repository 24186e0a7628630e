"""Figures as a page shows them: written values, bars, months and rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from lakehouse.dashboard.declared_domain import Board, DeclaredDomain
from lakehouse.dashboard.figure import Figure
from lakehouse.dashboard.figure_query import (
    FigureUnfit,
    Period,
    figure_query,
    table_of,
    value_of,
)
from lakehouse.dashboard.publication import Publication, ReadableTable, Row
from lakehouse.dashboard.written_values import (
    NOTHING,
    written_cell,
    written_measure,
    written_month,
)
from lakehouse.quality.masking import MASK
from lakehouse.reports.wording import Wording

_MONTHS_SHOWN = 240


@dataclass(frozen=True)
class Bar:
    """A value with a label.

    Attributes:
        label: what it is the value of.
        text: the value as written.
        share: of the greatest one, from 0 to 1; None where nothing was measured.
    """

    label: str
    text: str
    share: float | None


@dataclass(frozen=True)
class Heading:
    """The head of a column: its name, what it means, and whether it holds numbers."""

    name: str
    meaning: str
    numeric: bool


@dataclass(frozen=True)
class FigureView:
    """What a page shows of a figure.

    Attributes:
        name: of the figure.
        title: what it is called.
        show: as the figure declares it; `missing` where it cannot be shown.
        definition: how it is computed, from dbt's descriptions.
        source: layer and name of its table.
        text: the value of a number, or why it is missing.
        bars: of `bars` and `months`.
        headings: of a `table`.
        rows: of a `table`, as written.
        is_filtered: whether the chosen period changes it.
    """

    name: str
    title: str
    show: str
    definition: str = ""
    source: str = ""
    text: str = ""
    bars: tuple[Bar, ...] = ()
    headings: tuple[Heading, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    is_filtered: bool = False
    greatest: str = field(default="")


def board_views(
    board: Board,
    declared: DeclaredDomain,
    publication: Publication,
    period: Period,
    words: Wording,
) -> list[FigureView]:
    """Read the figures of a board; one that does not fit what is published says so.

    Raises:
        PublicationUnreadable: the publication cannot be read any more.
    """
    return [
        figure_view(figure, declared.masked, publication, period, words) for figure in board.figures
    ]


def figure_view(
    figure: Figure,
    masked: frozenset[str],
    publication: Publication,
    period: Period,
    words: Wording,
) -> FigureView:
    """Read one figure; see `board_views`."""
    title = figure.title(words.language)
    try:
        table = table_of(figure, publication.tables)
    except FigureUnfit as unfit:
        missing = words.say("dashboard.figure_missing", name=str(unfit))
        return FigureView(figure.name, title, "missing", text=missing)
    rows = publication.rows(figure_query(figure, table, period))
    shown = FigureView(
        name=figure.name,
        title=title,
        show=figure.show,
        definition=_definition(figure, table, words),
        source=table.full_name,
        is_filtered=figure.period is not None,
    )
    return _filled(shown, figure, table, rows, masked, words)


def headings_of(table: ReadableTable, names: Sequence[str]) -> tuple[Heading, ...]:
    """Heads of columns of a table."""
    found = ((name, table.column(name)) for name in names)
    return tuple(Heading(name, one.description, one.kind == "number") for name, one in found if one)


def written_rows(
    names: Sequence[str], rows: Sequence[Row], masked: frozenset[str], words: Wording
) -> tuple[tuple[str, ...], ...]:
    """Rows as written, with a mask for every value of a personal column."""
    hidden = [name.lower() in masked for name in names]
    return tuple(
        tuple(
            MASK if is_hidden and value is not None else written_cell(name, value, words)
            for name, value, is_hidden in zip(names, row, hidden, strict=True)
        )
        for row in rows
    )


def _filled(
    shown: FigureView,
    figure: Figure,
    table: ReadableTable,
    rows: Sequence[Row],
    masked: frozenset[str],
    words: Wording,
) -> FigureView:
    values: Mapping[str, Any] = vars(shown)
    if figure.show == "number":
        text = written_measure(value_of(rows[0]), figure.unit, words)
        return FigureView(**{**values, "text": text})
    if figure.show == "table":
        headings = headings_of(table, figure.columns)
        written = written_rows(figure.columns, rows, masked, words)
        return FigureView(**{**values, "headings": headings, "rows": written})
    if figure.show == "months":
        # Infinity, or before year 1: it is no month of a chart.
        measured = {row[0]: value_of(row[1:]) for row in rows if isinstance(row[0], date)}
        pairs = [(written_month(m, words), measured.get(m)) for m in _months(list(measured))]
    else:
        by = str(figure.by)
        pairs = [
            (written_rows([by], [row[:1]], masked, words)[0][0], value_of(row[1:])) for row in rows
        ]
    greatest = max((abs(value) for _, value in pairs if value is not None), default=None)
    bars = tuple(
        Bar(
            label,
            written_measure(value, figure.unit, words),
            None if value is None else float(abs(value) / greatest) if greatest else 0.0,
        )
        for label, value in pairs
    )
    said = written_measure(greatest, figure.unit, words) if greatest is not None else NOTHING
    return FigureView(**{**values, "bars": bars, "greatest": said})


def _definition(figure: Figure, table: ReadableTable, words: Wording) -> str:
    if figure.show == "table":
        return table.description
    said = _meaning(table, figure.column) if figure.column else table.description
    if figure.per:
        return words.say("dashboard.measure_ratio", what=said, per=_meaning(table, figure.per))
    return words.say(f"dashboard.measure_{figure.measure}", what=said)


def _meaning(table: ReadableTable, name: str) -> str:
    column = table.column(name)
    return (column.description if column else "").rstrip(".") or name


def _months(measured: Sequence[date]) -> list[date]:
    """Every month from the first to the last, the newest at most."""
    if not measured:
        return []
    first, month = min(measured), max(measured)
    found: list[date] = []
    while month >= first and len(found) < _MONTHS_SHOWN:
        found.insert(0, month)
        if month.replace(day=1) == date.min:
            break
        month = (month.replace(day=1) - timedelta(days=1)).replace(day=1)
    return found
