"""Addresses of the demo's marketplace, and the points that are known of each zip prefix."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from random import Random
from typing import NamedTuple

from demo.olist.numbers import bits, draw_for, share, spread
from demo.olist.places import ABROAD, CITIES, City

_ZIPS_OF_REAL = 19_015
_POINTS_OF_REAL = 1_000_163
_REPEATED_OF_REAL = 261_831
_ABROAD_OF_REAL = 42
_CITY_UNTIL = tuple(accumulate(city.weight for city in CITIES))
_OTHER_SPELLING = 0.2
_RARE_AFTER_THE_FIRST = 30
_DEGREES_AROUND = 0.03


class Address(NamedTuple):
    """Where a customer or seller is, as the files have it."""

    zip_prefix: str
    city: str
    state: str


class Points(NamedTuple):
    """All points of one zip prefix.

    Attributes:
        rows: prefix, latitude, longitude, city, state.
        repeated: how many of the rows say what another one said.
        abroad: how many lie outside Brazil.
        spellings: in how many ways the city is written.
    """

    rows: list[str]
    repeated: int
    abroad: int
    spellings: int


@dataclass(frozen=True)
class Geography:
    """Where the customers and sellers of a marketplace of so many orders are."""

    seed: int
    orders: int

    def address(self, kind: str, number: int, *, known: bool = True) -> Address:
        """The address of a person or seller.

        Args:
            kind: of whom, with `number` the one whose address it is.
            number: see `kind`.
            known: False for a prefix of which there is no point.
        """
        random_bits = bits(self.seed, f"address of {kind}", number)
        at = bisect_right(_CITY_UNTIL, random_bits % _CITY_UNTIL[-1])
        city = CITIES[at]
        offset = (random_bits >> 20) % self._zips[at] if known else city.zips - 1
        return Address(f"{city.first_zip + offset:05d}", city.spelling, city.state)

    @cached_property
    def known_zips(self) -> frozenset[str]:
        """The prefixes that have points."""
        return frozenset(f"{prefix:05d}" for _, prefix in self._prefixes())

    def points(self) -> Iterator[Points]:
        """The points of every zip prefix that has some, one prefix at a time."""
        draw = draw_for(self.seed, "points", self.orders)
        prefixes = list(self._prefixes())
        count = len(prefixes)
        plan = zip(
            prefixes,
            spread(max(3 * count, share(_POINTS_OF_REAL, self.orders)), count),
            spread(share(_REPEATED_OF_REAL, self.orders), count),
            spread(share(_ABROAD_OF_REAL, self.orders), count),
            strict=True,
        )
        for (city, prefix), points, repeated, abroad in plan:
            yield _points(draw, city, f"{prefix:05d}", (points, repeated, abroad))

    def _prefixes(self) -> Iterator[tuple[City, int]]:
        for city, zips in zip(CITIES, self._zips, strict=True):
            for offset in range(zips):
                yield city, city.first_zip + offset

    @cached_property
    def _zips(self) -> tuple[int, ...]:
        """How many prefixes of each city are in use."""
        total = share(_ZIPS_OF_REAL, self.orders)
        return tuple(
            min(city.zips - 1, max(2, round(total * city.weight / _CITY_UNTIL[-1])))
            for city in CITIES
        )


def _points(draw: Random, city: City, prefix: str, counts: tuple[int, int, int]) -> Points:
    points, repeated, abroad = counts
    random = draw.random
    lowest_latitude = city.latitude - _DEGREES_AROUND / 2
    lowest_longitude = city.longitude - _DEGREES_AROUND / 2
    tail = [f",{spelling},{city.state}" for spelling in (city.spelling, *map(_quoted, city.others))]
    variants = len(city.others) if int(prefix) % 3 else 0
    spellings = set()
    rows = []
    for _ in range(points - repeated - abroad):
        spelling = 0
        if variants and random() < _OTHER_SPELLING:
            spelling = 1 + int(random() ** _RARE_AFTER_THE_FIRST * variants)
        spellings.add(spelling)
        latitude = lowest_latitude + random() * _DEGREES_AROUND
        longitude = lowest_longitude + random() * _DEGREES_AROUND
        rows.append(f'"{prefix}",{latitude},{longitude}{tail[spelling]}')
    rows += rows[:repeated]
    for _ in range(abroad):
        latitude, longitude = draw.choice(ABROAD)
        spellings.add(0)
        rows.append(f'"{prefix}",{latitude + random() / 100},{longitude + random() / 100}{tail[0]}')
    return Points(rows, repeated, abroad, len(spellings))


def _quoted(city: str) -> str:
    return f'"{city}"' if "," in city else city
