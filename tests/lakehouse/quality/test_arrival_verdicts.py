"""Verdicts on expected files: each due period has one, on any day, in any zone."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.expected_files import ExpectedFiles, holiday_days
from lakehouse.lake.ledger import Delivery
from lakehouse.quality.arrival_periods import LOOK_BACK, business_date, periods_of
from lakehouse.quality.arrival_verdicts import PeriodVerdict, judge_arrivals

DAILY = ExpectedFiles(every="day", by="09:30", tolerance_minutes=60, since=date(2026, 11, 2))
BRAZIL = {"country": "BR", "timezone": "America/Sao_Paulo"}
DECLARED = [
    {"every": "day", "by": "09:30"},
    {"every": "day", "by": "02:30", "timezone": "Europe/Madrid"},
    {"every": "business_day", "by": "09:30", **BRAZIL},
    {"every": "week", "by": "03:00", "timezone": "America/New_York"},
    {"every": "month", "by": "23:30", "timezone": "Asia/Tokyo", "files": 2},
    {"every": "30 2 * * *", "timezone": "Europe/Madrid"},
]


def arrival(
    at: datetime,
    name: str = "ventas.csv",
    *,
    content: str | None = None,
    rows: int = 100,
    status: str = "loaded",
    mtime_ns: int | None = None,
) -> Delivery:
    told = content or f"{name} {at}"
    return Delivery(
        source_name="files",
        table_name="ventas",
        file_name=name,
        size=rows * 10,
        mtime_ns=mtime_ns if mtime_ns is not None else int(at.timestamp()),
        sha256=hashlib.sha256(told.encode()).hexdigest(),
        reading_hash="r",
        status=status,  # type: ignore[arg-type]
        batch_id=None,
        rows_delivered=rows,
        rows_loaded=rows,
        rows_rejected=0,
        started_at=at,
        seconds=0.1,
    )


def on(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def verdicts(found: list[PeriodVerdict]) -> dict[str, str]:
    return {one.period.name: one.verdict for one in found}


def one(deliveries: list[Delivery], now: datetime, **changed: object) -> str:
    """The verdict on 2 November, from which on files are expected."""
    declared = ExpectedFiles.model_validate({**DAILY.model_dump(), **changed})
    return verdicts(judge_arrivals(declared, deliveries, now))["2026-11-02"]


@pytest.mark.parametrize(
    ("deliveries", "now", "said"),
    [
        ([], on(2, 9, 30), "not_due"),
        ([], on(2, 9, 31), "late"),
        ([], on(2, 10, 30), "late"),
        ([], on(2, 10, 31), "missing"),
        ([arrival(on(2, 9, 30))], on(2, 12), "on_time"),
        ([arrival(on(2, 9, 31))], on(2, 12), "late"),
        ([arrival(on(2, 23, 59))], on(5, 12), "late"),
        ([arrival(on(3, 0, 0))], on(5, 12), "missing"),
        ([arrival(on(2, 9))], on(2, 8), "not_due"),
    ],
)
def test_a_day_is_judged_by_when_its_file_came(
    deliveries: list[Delivery], now: datetime, said: str
) -> None:
    assert one(deliveries, now) == said


def test_a_small_file_is_told_until_a_whole_one_replaces_it() -> None:
    small, whole = arrival(on(2, 8), rows=3), arrival(on(2, 9), rows=100)
    assert one([small], on(2, 12), min_rows=10) == "too_small"
    assert one([small], on(2, 12), min_bytes=500) == "too_small"
    assert one([small, whole], on(2, 12), min_rows=10) == "on_time"


def test_the_same_content_is_a_duplicate_under_another_name_and_again() -> None:
    first = arrival(on(2, 8), "a.csv", content="same")
    renamed = arrival(on(2, 9), "b.csv", content="same")
    again = arrival(on(2, 9), "a.csv", content="same")
    assert one([first, renamed], on(2, 12)) == "duplicate"
    assert one([first, again], on(2, 12)) == "duplicate"
    assert one([first, again], on(2, 12), same_content="accepted") == "on_time"


def test_content_of_yesterday_does_not_stand_for_that_of_today() -> None:
    came = [arrival(on(2, 8), "a.csv", content="x"), arrival(on(3, 8), "b.csv", content="x")]
    found = verdicts(judge_arrivals(DAILY, came, on(3, 12)))
    assert found == {"2026-11-02": "on_time", "2026-11-03": "duplicate"}


def test_a_file_that_is_only_read_again_came_once() -> None:
    first = arrival(on(2, 8), content="x", status="quarantined", mtime_ns=1)
    replayed = arrival(on(2, 11), content="x", mtime_ns=1)
    assert one([first, replayed], on(2, 12)) == "on_time"


def test_many_files_are_due_in_a_period() -> None:
    came = [arrival(on(2, hour), f"{hour}.csv") for hour in (7, 8, 9)]
    assert one(came, on(2, 12), files=3) == "on_time"
    assert one(came[:2], on(2, 12), files=3) == "missing"


@pytest.mark.parametrize("written", ["ventas_%Y%m%d", "fecha"])
def test_the_name_decides_which_day_a_file_is_of(written: str) -> None:
    expected = DAILY.model_copy(update={"name_date": written})
    came = [arrival(on(3, 8), "ventas_20261102.csv"), arrival(on(3, 9), "ventas_20261103.csv")]
    regex = r"ventas_(?P<fecha>\d{8})\.csv"
    found = verdicts(judge_arrivals(expected, came, on(3, 12), regex))
    assert found == {"2026-11-02": "late", "2026-11-03": "on_time"}
    assert business_date(expected, regex, "ventas_20261399.csv") is None


def test_a_holiday_on_a_monday_expects_nothing() -> None:
    # Nossa Senhora Aparecida, 12 October 2026, is a Monday.
    expected = ExpectedFiles(every="business_day", by="09:30", since=date(2026, 10, 9), **BRAZIL)
    came = [arrival(on(9, 12, month=10))]
    found = judge_arrivals(expected, came, on(13, 20, month=10))
    assert verdicts(found) == {
        "2026-10-09": "on_time",
        "2026-10-12": "holiday",
        "2026-10-13": "missing",
    }
    late = judge_arrivals(expected, [arrival(on(12, 15, month=10))], on(13, 20, month=10))
    assert verdicts(late)["2026-10-09"] == "late", "what comes on free days is of the day before"


@pytest.mark.parametrize(("month", "last"), [(2, 28), (4, 30), (12, 31)])
def test_a_month_is_due_on_its_last_day(month: int, last: int) -> None:
    expected = ExpectedFiles(every="month", by="06:00", since=date(2026, month, 1))
    (period,) = periods_of(expected, date(2026, month, 1), on(last, 5, month=month))
    assert period.due == on(last, 6, month=month)
    assert period.ends == datetime(2026 + month // 12, month % 12 + 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("day", "due_hour"), [(date(2026, 3, 28), 8), (date(2026, 3, 30), 7)])
def test_by_is_the_time_that_clocks_show(day: date, due_hour: int) -> None:
    expected = ExpectedFiles(every="day", by="09:30", timezone="Europe/Madrid")
    now = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    assert periods_of(expected, day, now)[-1].due.hour == due_hour


def test_a_table_of_today_lacks_nothing_of_the_past() -> None:
    expected = DAILY.model_copy(update={"since": None})
    assert judge_arrivals(expected, [], on(20, 12)) == []
    found = judge_arrivals(expected, [arrival(on(20, 8))], on(20, 12))
    assert verdicts(found) == {"2026-11-20": "on_time"}


# The first example of a country loads its holidays.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
moments = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


def all_are_free(expected: ExpectedFiles, first: datetime, now: datetime) -> bool:
    """Whether no business day has begun since a first file, which then is of a day before it."""
    day, last = (moment.astimezone(expected.zone).date() for moment in (first, now))
    while day <= last:
        free = holiday_days(str(expected.country), expected.subdivision, day.year)
        if day.weekday() < 5 and day not in free:
            return False
        day += timedelta(days=1)
    return expected.every == "business_day"


@unhurried
@given(
    declared=st.sampled_from(DECLARED),
    now=moments,
    ages=st.lists(st.integers(0, 90 * 24 * 60), max_size=12),
    contents=st.lists(st.sampled_from("abcdef"), min_size=12, max_size=12),
)
def test_every_begun_period_has_one_verdict(
    declared: dict[str, object], now: datetime, ages: list[int], contents: list[str]
) -> None:
    expected = ExpectedFiles.model_validate(declared)
    came = [
        arrival(now - timedelta(minutes=age), f"{index}.csv", content=contents[index])
        for index, age in enumerate(sorted(ages, reverse=True))
    ]
    found = judge_arrivals(expected, came, now)
    names = [one.period.name for one in found]
    assert len(names) == len(set(names)) <= LOOK_BACK
    assert came or not found
    if came and not found:
        assert all_are_free(expected, came[0].started_at, now)
    dues = [one.period.due for one in found]
    assert dues == sorted(dues)
    for judged in found:
        if judged.verdict == "not_due":
            assert judged.period.due >= now
        if judged.verdict == "missing":
            assert now > judged.period.due
            assert judged.came < judged.expected
    assert found == judge_arrivals(expected, came, now)


@unhurried
@given(declared=st.sampled_from(DECLARED), now=moments)
def test_periods_leave_no_moment_out(declared: dict[str, object], now: datetime) -> None:
    expected = ExpectedFiles.model_validate(declared)
    found = [one for one in periods_of(expected, date(2020, 1, 1), now) if not one.is_holiday]
    assert all(one.begins < one.ends for one in found)
    assert all(one.ends == two.begins for one, two in pairwise(found))
    assert all(one.begins <= one.due < one.ends or expected.is_cron for one in found)
