"""People who buy in the demo's marketplace: who bought which order, and where they are."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from demo.olist.fates import Fates
from demo.olist.geography import Address, Geography
from demo.olist.numbers import Shuffle, key, share

# Further orders of the most loyal people, once in each hundred thousand orders.
_LOYAL_UNTIL = tuple(accumulate((16, 6, 6, 6)))


class Customer(NamedTuple):
    """A row of customers: a person as the buyer of one order.

    Attributes:
        person: their number, which is not in the files.
    """

    person: int
    customer_id: str
    person_id: str
    address: Address


def customer_id(seed: int, order: int) -> str:
    """The customer of an order; another one for each order."""
    return key(seed, "customer", order)


@dataclass(frozen=True)
class People:
    """The people of a marketplace with so many orders; each has the number of an order of theirs.

    Attributes:
        seed: of every random number.
        orders: in the history.
    """

    seed: int
    orders: int

    def customer(self, order: int) -> Customer:
        """The customer of an order."""
        person = self.person(order)
        has_moved = person != order and order % 12 == 0 and not self._is_loyal(person)
        at_home = order if has_moved else person
        known = has_moved or not self._is_off_the_map(person)
        return Customer(
            person,
            customer_id(self.seed, order),
            key(self.seed, "person", person),
            self._geography.address("person", at_home, known=known),
        )

    def person(self, order: int) -> int:
        """Who bought an order."""
        partner = self._fates.partner(order)
        if partner is not None and not self._is_loyal(order):
            return self.person(partner)
        if order >= self.orders:
            return self.loyal_person(order) if order % 4 == 0 else order
        place = self._shuffle.place(order)
        return self.loyal_person(place) if place < self._further_orders else order

    def loyal_person(self, further_order: int = 0) -> int:
        """Who bought the further order with this number; the first one is the most loyal."""
        loyal, orders_of_loyal = len(_LOYAL_UNTIL), _LOYAL_UNTIL[-1]
        block, at = divmod(further_order, orders_of_loyal)
        if block < self._blocks:
            buyer = loyal * block + bisect_right(_LOYAL_UNTIL, at)
        else:
            rest = (further_order - self._blocks * orders_of_loyal) % self._further_orders
            # Each eleventh of the others comes a third time.
            buyer = loyal * self._blocks + rest - rest // 11
        return self._shuffle.number(self.orders - 1 - buyer)

    def _is_loyal(self, person: int) -> bool:
        if person >= self.orders:
            return False
        return self._shuffle.place(person) >= self.orders - self._blocks * len(_LOYAL_UNTIL)

    def _is_off_the_map(self, person: int) -> bool:
        if person >= self.orders:
            return False
        first, last = self._places_off_the_map
        return first <= self._shuffle.place(person) < last

    @cached_property
    def _blocks(self) -> int:
        return max(1, self.orders // 100_000)

    @cached_property
    def _further_orders(self) -> int:
        return self._blocks * _LOYAL_UNTIL[-1] + share(2_531, self.orders)

    @cached_property
    def _places_off_the_map(self) -> tuple[int, int]:
        return self._further_orders, self._further_orders + share(278, self.orders)

    @cached_property
    def _shuffle(self) -> Shuffle:
        return Shuffle(self.orders, self.seed + 1)

    @cached_property
    def _fates(self) -> Fates:
        return Fates(self.seed, self.orders)

    @cached_property
    def _geography(self) -> Geography:
        return Geography(self.seed, self.orders)
