"""What becomes of an order of the demo's marketplace, how often, and what its rows get wrong."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import accumulate

from demo.olist.numbers import Shuffle, share


class Oddity(Enum):
    """What is wrong with the rows of an order."""

    NONE = "none"
    NO_REVIEW = "no review"
    SEVERAL_REVIEWS = "several reviews"
    SHARED_REVIEW = "the review of another order of the same person"
    EARLY_REVIEW = "reviewed before the purchase"
    NO_PAYMENT = "no payment"
    NOTHING_PAID = "one payment of value 0"
    EMPTY_VOUCHER = "a voucher of value 0 beside the payment"
    NO_INSTALMENTS = "a payment in 0 instalments"
    OTHER_AMOUNT = "paid another amount than the items cost"
    CARRIER_BEFORE_APPROVAL = "with the carrier before the approval"
    ARRIVED_BEFORE_CARRIER = "with the customer before the carrier had it"


@dataclass(frozen=True)
class Fate:
    """How the life of an order ends.

    Attributes:
        of_real: orders of this fate among the 99,441 that were published.
        status: of the order.
        moments: which are written, of `a`pproved, with the `c`arrier, with the customer (`d`).
        has_items: False for an order without a row of items.
        oddity: what else is wrong.
    """

    of_real: int
    status: str = "delivered"
    moments: str = "acd"
    has_items: bool = True
    oddity: Oddity = Oddity.NONE


PLAIN = Fate(0)
SHARED = Fate(814, oddity=Oddity.SHARED_REVIEW)
SHIPPED = Fate(1031, "shipped", "ac")
_RARE = (
    SHARED,
    SHIPPED,
    Fate(1, "shipped", "ac", has_items=False),
    Fate(75, "shipped", "ac", oddity=Oddity.NO_REVIEW),
    Fate(135, "canceled", "", has_items=False),
    Fate(3, "canceled", "", has_items=False, oddity=Oddity.NO_REVIEW),
    Fate(3, "canceled", "", has_items=False, oddity=Oddity.NOTHING_PAID),
    Fate(23, "canceled", "a", has_items=False),
    Fate(379, "canceled", "a"),
    Fate(7, "canceled", "a", oddity=Oddity.NO_REVIEW),
    Fate(59, "canceled", "ac"),
    Fate(10, "canceled", "ac", oddity=Oddity.NO_REVIEW),
    Fate(6, "canceled"),
    Fate(589, "unavailable", "a", has_items=False),
    Fate(14, "unavailable", "a", has_items=False, oddity=Oddity.NO_REVIEW),
    Fate(6, "unavailable", "a"),
    Fate(307, "invoiced", "a"),
    Fate(2, "invoiced", "a", has_items=False),
    Fate(5, "invoiced", "a", oddity=Oddity.NO_REVIEW),
    Fate(295, "processing", "a"),
    Fate(6, "processing", "a", oddity=Oddity.NO_REVIEW),
    Fate(3, "created", "", has_items=False),
    Fate(2, "created", "", has_items=False, oddity=Oddity.NO_REVIEW),
    Fate(2, "approved", "a"),
    Fate(14, moments="cd"),
    Fate(1, moments="ad"),
    Fate(1, moments="a"),
    Fate(7, moments="ac"),
    Fate(646, oddity=Oddity.NO_REVIEW),
    Fate(547, oddity=Oddity.SEVERAL_REVIEWS),
    Fate(74, oddity=Oddity.EARLY_REVIEW),
    Fate(1, oddity=Oddity.NO_PAYMENT),
    Fate(6, oddity=Oddity.EMPTY_VOUCHER),
    Fate(2, oddity=Oddity.NO_INSTALMENTS),
    Fate(303, oddity=Oddity.OTHER_AMOUNT),
    Fate(1359, oddity=Oddity.CARRIER_BEFORE_APPROVAL),
    Fate(23, oddity=Oddity.ARRIVED_BEFORE_CARRIER),
)


@dataclass(frozen=True)
class Fates:
    """The fates of so many orders: of each rare one a share, at least 1; the rest is plain."""

    seed: int
    orders: int

    def fate(self, number: int) -> Fate:
        """What becomes of order `number`, from 0; those after the last are plain."""
        if number >= self.orders:
            return PLAIN
        place = self._shuffle.place(number)
        return PLAIN if place >= self._until[-1] else _RARE[bisect_right(self._until, place)]

    def numbers(self, fate: Fate) -> Iterator[int]:
        """The orders of a rare fate."""
        at = _RARE.index(fate)
        first = self._until[at - 1] if at else 0
        return (self._shuffle.number(place) for place in range(first, self._until[at]))

    def partner(self, number: int) -> int | None:
        """The plain order of which the order shares the review; a few are shared by three.

        Returns:
            None if `number` has a review of its own, or none.
        """
        if self.fate(number) is not SHARED:
            return None
        # The shared ones have the first places; their partners have the last.
        place = self._shuffle.place(number)
        return self._shuffle.number(self.orders - 1 - (place - place // 32))

    @cached_property
    def _shuffle(self) -> Shuffle:
        return Shuffle(self.orders, self.seed)

    @cached_property
    def _until(self) -> tuple[int, ...]:
        return tuple(accumulate(share(fate.of_real, self.orders) for fate in _RARE))
