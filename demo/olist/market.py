"""The demo's marketplace of Brazil.

Nothing is kept in memory: whoever needs order 42 makes it again from the seed, so files of any
size agree with one another, and so do those of later days.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from demo.olist.catalogue import Catalogue
from demo.olist.fates import Fates
from demo.olist.geography import Geography
from demo.olist.people import People
from demo.olist.words import LAST_DAY

FEWEST_ORDERS = 100


@dataclass(frozen=True)
class Marketplace:
    """A marketplace of a given size; orders count from 0.

    Attributes:
        seed: of every random number.
        orders: in its history, at least 100.

    Raises:
        ValueError: there are too few orders for every kind of defect.
    """

    seed: int = 7
    orders: int = 2000

    def __post_init__(self) -> None:
        if self.orders < FEWEST_ORDERS:
            raise ValueError(
                f"A marketplace of {self.orders} orders has no room for every kind of defect: "
                f"ask for {FEWEST_ORDERS} or more."
            )

    @property
    def orders_a_day(self) -> int:
        """How many orders come on each day after the history."""
        return max(4, self.orders // 400)

    def orders_until(self, day: int) -> int:
        """How many orders there are at the end of a day; day 0 is the last of the history."""
        return self.orders + day * self.orders_a_day

    def day_of(self, order: int) -> int:
        """The day of an order: 0 for all of the history, 1 for the first day after it."""
        return max(0, (order - self.orders) // self.orders_a_day + 1)

    def date_of(self, day: int) -> date:
        """The date of a day; that of day 0 is the last of the history."""
        return LAST_DAY + timedelta(days=day)

    @cached_property
    def fates(self) -> Fates:
        """What becomes of each order."""
        return Fates(self.seed, self.orders)

    @cached_property
    def people(self) -> People:
        """Who buys."""
        return People(self.seed, self.orders)

    @cached_property
    def catalogue(self) -> Catalogue:
        """What is sold, and by whom."""
        return Catalogue(self.seed, self.orders)

    @cached_property
    def geography(self) -> Geography:
        """Where everybody is."""
        return Geography(self.seed, self.orders)
