"""Whether the files of a table came when they were due: a pure function of its ledger and a moment.

A delivery arrives when it is loaded: what lies unread on a server is of no use yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from lakehouse.expected_files import ExpectedFiles
from lakehouse.lake.ledger import Delivery
from lakehouse.quality.arrival_periods import Period, business_date, periods_of

Verdict = Literal["on_time", "late", "missing", "too_small", "duplicate", "not_due", "holiday"]
FAULTY: tuple[Verdict, ...] = ("missing", "late", "too_small", "duplicate")
_MOST_NAMES = 5


@dataclass(frozen=True)
class PeriodVerdict:
    """What became of the files of a period.

    Attributes:
        came: files of it with new content.
        expected: how many were due; 0 on a holiday.
        arrived_at: when the one came that decided, UTC; None if none did.
        files: the first names of what came.
    """

    period: Period
    verdict: Verdict
    came: int
    expected: int
    arrived_at: datetime | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Arrival:
    delivery: Delivery
    is_repeat: bool


def judge_arrivals(
    expected: ExpectedFiles,
    deliveries: Sequence[Delivery],
    now: datetime,
    regex: str | None = None,
) -> list[PeriodVerdict]:
    """One verdict for each period that has begun, oldest first.

    Nothing is judged before the declared `since`, or else before the day of the first delivery;
    with neither there is nothing to judge.

    Args:
        expected: the declaration.
        deliveries: of the table, in their order.
        now: with its zone; what arrived later is not known yet.
        regex: of the table, whose group may hold the business date.
    """
    known = [one for one in deliveries if one.started_at <= now]
    since = expected.since
    if since is None and known:
        dates = [business_date(expected, regex, one.file_name) for one in known]
        first = known[0].started_at.astimezone(expected.zone).date()
        since = min([first, *(day for day in dates if day)])
    if since is None:
        return []
    arrivals = _arrivals(expected, known)
    return [
        _judge(expected, period, _of_period(expected, period, arrivals, regex), now)
        for period in periods_of(expected, since, now)
    ]


def _arrivals(expected: ExpectedFiles, known: Sequence[Delivery]) -> list[_Arrival]:
    """What a sender sent: a file that was only read again, or replayed, arrived once."""
    sent: set[tuple[str, str, int]] = set()
    content: set[str] = set()
    arrivals = []
    for one in known:
        identity = (one.file_name, one.sha256, one.mtime_ns)
        if identity in sent:
            continue
        sent.add(identity)
        repeats = one.sha256 in content and expected.same_content == "duplicate"
        arrivals.append(_Arrival(one, repeats))
        content.add(one.sha256)
    return arrivals


def _of_period(
    expected: ExpectedFiles, period: Period, arrivals: Sequence[_Arrival], regex: str | None
) -> list[_Arrival]:
    found = []
    for one in arrivals:
        day = business_date(expected, regex, one.delivery.file_name)
        is_of_it = (
            period.first <= day <= period.last
            if day is not None
            else expected.name_date is None
            and period.begins <= one.delivery.started_at < period.ends
        )
        if is_of_it:
            found.append(one)
    return found


def _judge(
    expected: ExpectedFiles, period: Period, arrivals: Sequence[_Arrival], now: datetime
) -> PeriodVerdict:
    new = [one.delivery for one in arrivals if not one.is_repeat]
    whole = [one for one in new if not _is_too_small(expected, one)]
    # Beyond the number that is due, a later one may replace one that was too small.
    decides = (whole if len(whole) >= expected.files else new)[: expected.files]
    shown = arrivals[-1].delivery if arrivals else None
    arrived_at = decides[-1].started_at if decides else (shown.started_at if shown else None)
    return PeriodVerdict(
        period=period,
        verdict=_verdict(expected, period, arrivals, now),
        came=len(new),
        expected=0 if period.is_holiday else expected.files,
        arrived_at=arrived_at,
        files=tuple(dict.fromkeys(one.delivery.file_name for one in arrivals))[:_MOST_NAMES],
    )


def _verdict(
    expected: ExpectedFiles, period: Period, arrivals: Sequence[_Arrival], now: datetime
) -> Verdict:
    if period.is_holiday:
        return "holiday"
    new = [one.delivery for one in arrivals if not one.is_repeat]
    whole = [one for one in new if not _is_too_small(expected, one)]
    repeats = len(new) < len(arrivals)
    if len(whole) >= expected.files:
        is_late = whole[expected.files - 1].started_at > period.due
        return "late" if is_late else "duplicate" if repeats else "on_time"
    if len(new) >= expected.files:
        return "too_small"
    if repeats and len(arrivals) >= expected.files:
        return "duplicate"
    return _without_all(expected, period, now)


def _without_all(expected: ExpectedFiles, period: Period, now: datetime) -> Verdict:
    if now <= period.due:
        return "not_due"
    tolerance = timedelta(minutes=expected.tolerance_minutes)
    return "late" if now <= period.due + tolerance else "missing"


def _is_too_small(expected: ExpectedFiles, delivery: Delivery) -> bool:
    # The rows of a refused file need not have been counted.
    too_few = delivery.status != "quarantined" and delivery.rows_delivered < expected.min_rows
    return too_few or delivery.size < expected.min_bytes
