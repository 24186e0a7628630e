"""The period that a reader chose, and the ones that a page offers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from sqlalchemy import Date, cast, func, select

from lakehouse.dashboard.declared_domain import Board
from lakehouse.dashboard.figure_query import FigureUnfit, Period, table_of
from lakehouse.dashboard.publication import Publication
from lakehouse.reports.wording import Wording

_MOST_YEARS = 5


@dataclass(frozen=True)
class PeriodLink:
    """A period that a page offers: what it is called, its address, and whether it is chosen."""

    text: str
    href: str
    is_chosen: bool


@dataclass(frozen=True)
class PeriodChoice:
    """What was chosen, and why something else is shown where that could not be used."""

    period: Period
    note: str = ""


def chosen_period(asked: Mapping[str, str], words: Wording) -> PeriodChoice:
    """Read `from` and `to` of an address; whatever they are, there is a period."""
    try:
        since, until = (_day(asked.get(name, "")) for name in ("from", "to"))
    except ValueError:
        return PeriodChoice(Period(), words.say("dashboard.bad_period"))
    if since and until and until < since:
        return PeriodChoice(Period(), words.say("dashboard.turned_period"))
    return PeriodChoice(Period(since, until))


def period_links(
    boards: tuple[Board, ...], publication: Publication, chosen: Period, words: Wording
) -> list[PeriodLink]:
    """Everything, the last months, and the last years that the data reach to; none without dates.

    Raises:
        PublicationUnreadable: the publication cannot be read any more.
    """
    first, last = _reach(boards, publication)
    if first is None or last is None:
        return []
    periods = [(words.say("dashboard.all_time"), Period())]
    for months in (12, 3):
        before = last.year * 12 + last.month - months
        since = date(before // 12, before % 12 + 1, 1)
        if since > first:
            periods.append((words.say("dashboard.last_months", count=months), Period(since, last)))
    if first.year < last.year:
        oldest = max(first.year, last.year - _MOST_YEARS + 1)
        years = range(last.year, oldest - 1, -1)
        periods += [(str(one), Period(date(one, 1, 1), date(one, 12, 31))) for one in years]
    return [PeriodLink(text, f"?{query_of(one)}", one == chosen) for text, one in periods]


def query_of(period: Period) -> str:
    """A period as the query of an address."""
    given = {"from": period.since, "to": period.until}
    return urlencode({name: day.isoformat() for name, day in given.items() if day})


def _reach(boards: tuple[Board, ...], publication: Publication) -> tuple[date | None, date | None]:
    for board in boards:
        for figure in board.figures:
            if figure.show == "months":
                try:
                    table = table_of(figure, publication.tables)
                except FigureUnfit:
                    continue
                day = cast(table.clause.c[str(figure.period)], Date)
                first, last = publication.rows(select(func.min(day), func.max(day)))[0]
                is_in_calendar = isinstance(first, date) and isinstance(last, date)
                return (first, last) if is_in_calendar else (None, None)
    return None, None


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
