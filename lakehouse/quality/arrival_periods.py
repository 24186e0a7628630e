"""Periods for which files are expected: their days, when they are due, and which file is of which.

A period of the calendar begins with its first local day and goes on until the next one begins, so
that a file that comes on a weekend is a late one of Friday. The due moment of a cron expression
ends its period, with the tolerance after it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise

from cronsim import CronSim

from lakehouse.expected_files import ExpectedFiles, holiday_days

LOOK_BACK = 14
_FRIDAY = 4
_DAY = timedelta(days=1)
_FIELDS = {
    "%Y": r"(?P<year>\d{4})",
    "%y": r"(?P<short>\d{2})",
    "%m": r"(?P<month>\d{2})",
    "%d": r"(?P<day>\d{2})",
    "%H": r"\d{2}",
    "%M": r"\d{2}",
    "%S": r"\d{2}",
    "%%": "%",
}


@dataclass(frozen=True)
class Period:
    """A span of time for which files are expected.

    Attributes:
        name: the ISO date of its first day; of a cron expression its due moment in UTC.
        first: its first local day.
        last: its last local day.
        begins: since when a file is of it, UTC.
        ends: until when, UTC, without this moment.
        due: until when its files are on time, UTC.
        is_holiday: nothing is expected.
    """

    name: str
    first: date
    last: date
    begins: datetime
    ends: datetime
    due: datetime
    is_holiday: bool = False


def periods_of(expected: ExpectedFiles, since: date, now: datetime) -> list[Period]:
    """The periods that have begun, oldest first, at most `LOOK_BACK` of them.

    Of a cron expression the last one is that of its next due moment, which within the tolerance of
    the one before begins a little later.

    Args:
        expected: the declaration.
        since: first local day of which anything is expected.
        now: with its zone.
    """
    found = _cron_periods(expected, now) if expected.is_cron else _calendar(expected, now)
    kept: list[Period] = []
    for period in found:
        if period.last < since or len(kept) == LOOK_BACK:
            break
        kept.append(period)
    return kept[::-1]


def business_date(expected: ExpectedFiles, regex: str | None, file_name: str) -> date | None:
    """The date that a file's name holds; None if it holds none, or no date of the calendar."""
    if expected.name_date is None:
        return None
    if "%" in expected.name_date:
        found = re.search(_pattern(expected.name_date), file_name)
        return _date(found.groupdict()) if found else None
    matched = re.fullmatch(regex or "", file_name)
    said = matched.groupdict().get(expected.name_date) if matched else None
    digits = re.fullmatch(r"(?P<year>\d{4})-?(?P<month>\d{2})-?(?P<day>\d{2})", said or "")
    return _date(digits.groupdict()) if digits else None


def _calendar(expected: ExpectedFiles, now: datetime) -> Iterator[Period]:
    """Periods of the calendar, from the one of now back."""
    day = now.astimezone(expected.zone).date()
    if expected.every == "business_day":
        while day.weekday() > _FRIDAY:
            day -= _DAY
    first = _first_day(expected, day)
    while True:
        yield _period(expected, first)
        first = _first_day(expected, _day_before(expected, first))


def _day_before(expected: ExpectedFiles, first: date) -> date:
    day = first - _DAY
    while expected.every == "business_day" and day.weekday() > _FRIDAY:
        day -= _DAY
    return day


def _first_day(expected: ExpectedFiles, day: date) -> date:
    if expected.every == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if expected.every == "month" else day


def _period(expected: ExpectedFiles, first: date) -> Period:
    last, follows = first, first + _DAY
    if expected.every == "week":
        last, follows = first + timedelta(days=6), first + timedelta(days=7)
    elif expected.every == "month":
        follows = (first + timedelta(days=31)).replace(day=1)
        last = follows - _DAY
    elif expected.every == "business_day":
        while not _is_business_day(expected, follows):
            follows += _DAY
    return Period(
        name=first.isoformat(),
        first=first,
        last=last,
        begins=_moment(expected, first, time.min),
        ends=_moment(expected, follows, time.min),
        due=_moment(expected, last, expected.by or time.max),
        is_holiday=expected.every == "business_day" and not _is_business_day(expected, first),
    )


def _cron_periods(expected: ExpectedFiles, now: datetime) -> Iterator[Period]:
    """Periods of a cron expression, from the next due one back."""
    tolerance = timedelta(minutes=expected.tolerance_minutes)
    local = now.astimezone(expected.zone)
    moments = [next(CronSim(expected.every, local))]
    back = CronSim(expected.every, moments[0], reverse=True)
    while len(moments) <= LOOK_BACK:
        moments.append(next(back))
    for due, before in pairwise(moments):
        due_day = due.date()
        yield Period(
            name=due.astimezone(UTC).isoformat(timespec="minutes"),
            first=due_day,
            last=due_day,
            begins=before.astimezone(UTC) + tolerance,
            ends=due.astimezone(UTC) + tolerance,
            due=due.astimezone(UTC),
        )


def _is_business_day(expected: ExpectedFiles, day: date) -> bool:
    holidays = _holidays(expected.country or "", expected.subdivision, day.year)
    return day.weekday() <= _FRIDAY and day not in holidays


@lru_cache(maxsize=256)
def _holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    return frozenset(holiday_days(country, subdivision, year))


def _moment(expected: ExpectedFiles, day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=expected.zone).astimezone(UTC)


@lru_cache(maxsize=256)
def _pattern(written: str) -> str:
    parts = re.split(r"(%[A-Za-z%])", written)
    return "".join(_FIELDS.get(part, re.escape(part)) for part in parts)


def _date(parts: dict[str, str | None]) -> date | None:
    year = parts.get("year") or (f"20{parts['short']}" if parts.get("short") else None)
    try:
        return date(int(year or 0), int(parts.get("month") or 1), int(parts.get("day") or 1))
    except ValueError:
        return None
