"""When the orders of the demo's marketplace are bought, approved, sent and delivered."""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from itertools import accumulate
from random import Random
from typing import NamedTuple

from demo.olist.fates import Fate, Oddity
from demo.olist.numbers import lognormal
from demo.olist.words import BLACK_FRIDAY, FIRST_DAY, LAST_DAY, ORDERS_OF_MONTH

_FIRST_HOUR = 7


class Timeline(NamedTuple):
    """The moments of an order, in the order of the file; local time of Brazil, to the second."""

    purchased: datetime
    approved: datetime | None
    carried: datetime | None
    arrived: datetime | None
    estimated: datetime


def purchase_moment(draw: Random, day: date | None = None) -> datetime:
    """When an order is bought.

    Args:
        draw: the order's random numbers, of which it takes the first two.
        day: of the purchase; None for any day of the history, late ones more often.
    """
    part, part_of_day = draw.random(), draw.random()
    if day is None:
        days, until = _days()
        day = days[bisect_right(until, part * until[-1])]
    seconds = _FIRST_HOUR * 3600 + int(part_of_day * (24 - _FIRST_HOUR) * 3600)
    return midnight(day) + timedelta(seconds=seconds)


def make_timeline(draw: Random, purchased: datetime, fate: Fate, *, by_slip: bool) -> Timeline:
    """All moments of an order; where nothing is odd, the first four follow one another.

    Args:
        draw: the order's random numbers.
        purchased: when it was bought.
        fate: says what is missing or out of order.
        by_slip: it is paid at a bank, which takes a day or two.
    """
    hours = 14 + 34 * draw.random() if by_slip else 0.15 + draw.random() ** 8 * 20
    approved = purchased + timedelta(seconds=int(3600 * hours))
    days = 0.3 + lognormal(_above_zero(draw), 1.5, 0.9)
    carried = approved + timedelta(seconds=int(86_400 * days))
    days = 1 + lognormal(_above_zero(draw), 6.05, 0.8)
    arrived = carried + timedelta(seconds=int(86_400 * days))
    days = 8 + 22 * draw.random() + 0.4 * (arrived - purchased).days
    estimated = midnight(purchased) + timedelta(days=int(days))
    if fate.oddity is Oddity.CARRIER_BEFORE_APPROVAL:
        approved = carried + timedelta(minutes=5 + int(900 * draw.random()))
    elif fate.oddity is Oddity.ARRIVED_BEFORE_CARRIER:
        carried, arrived = arrived, carried
    return Timeline(
        purchased,
        approved if "a" in fate.moments else None,
        carried if "c" in fate.moments else None,
        arrived if "d" in fate.moments else None,
        estimated,
    )


def midnight(day: date) -> datetime:
    """The first moment of a day, or of the day of a moment."""
    return datetime(day.year, day.month, day.day)


def _above_zero(draw: Random) -> float:
    return draw.random() or 0.5


@cache
def _days() -> tuple[list[date], list[float]]:
    """Every day of the history, and the sum of the weights until each."""
    days = list(_all_days())
    return days, list(accumulate(_weight(day) for day in days))


def _all_days() -> Iterator[date]:
    day = FIRST_DAY
    while day <= LAST_DAY:
        yield day
        day += timedelta(days=1)


def _weight(day: date) -> float:
    """How many orders come on a day, next to other days: fewer at weekends, many once a year."""
    of_month = ORDERS_OF_MONTH.get((day.year, day.month), 0.0)
    per_day = of_month / monthrange(day.year, day.month)[1]
    if day == BLACK_FRIDAY:
        return 5 * per_day
    return per_day * (0.8 if day.isoweekday() > 5 else 1.08)
