"""`aljibe arrivals`: the board of expected files on a terminal, without Prefect."""

from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.chosen_catalogs import chosen_catalogs
from lakehouse.lake.raw_lake import RawLake
from lakehouse.quality.arrival_board import BoardRow, language_of, read_board
from lakehouse.reports.views.arrivals_view import TONES, arrivals_summary, arrivals_table
from lakehouse.settings import load_settings

# What fits 80 characters; the page and the artifacts name the files.
_COLUMNS = ("verdict", "period", "table", "due", "arrived", "came")
_STYLES = {"bad": "red", "warn": "yellow", "ok": "green", "skip": "dim"}


def show_arrivals(domain: str | None) -> bool:
    """Print the board, newest first.

    Args:
        domain: all of them if None.

    Returns:
        Whether no file is missing.

    Raises:
        DomainUnknown: there is no such domain.
        CatalogInvalid: its sources cannot be read.
    """
    settings = load_settings()
    catalogs = chosen_catalogs(domain)
    rows = read_board(catalogs, RawLake.of(settings).ledger, datetime.now(UTC))
    language = language_of(settings.project_dir, [catalog.domain for catalog in catalogs])
    if rows:
        Console().print(_table(rows, language))
    print(arrivals_summary(rows, language))
    return all(row.verdict != "missing" for row in rows)


def _table(rows: list[BoardRow], language: str) -> Table:
    said = arrivals_table(rows, language, _COLUMNS)
    shown = Table()
    for number, head in enumerate(said[0]):
        shown.add_column(head, overflow="fold", no_wrap=number < 2)
    for row, cells in zip(rows, said, strict=True):
        style = _STYLES[TONES[row.verdict]]
        first, *others = (escape(cell) for cell in cells.values())
        shown.add_row(f"[{style}]{first}[/{style}]", *others)
    return shown
