"""How the demo's marketplace makes a thing from its number alone, so that it keeps nothing.

Sizes are shares of the published data set, which has 99,441 orders.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from math import exp, gcd
from random import Random
from statistics import NormalDist

REAL_ORDERS = 99_441
_NORMAL = NormalDist()


def share(of_real: int, orders: int, *, least: int = 1) -> int:
    """How many there are for `orders` if the published data have `of_real` of them."""
    return max(least, round(of_real * orders / REAL_ORDERS))


def key(seed: int, kind: str, number: int) -> str:
    """The identifier of a thing: 32 hexadecimal digits."""
    return blake2b(f"{seed}:{kind}:{number}".encode(), digest_size=16).hexdigest()


def draw_for(seed: int, kind: str, number: int) -> Random:
    """Random numbers that belong to one thing alone."""
    return Random(bits(seed, kind, number))


def bits(seed: int, kind: str, number: int) -> int:
    """64 random bits that belong to one thing alone; cheaper than a generator of them."""
    digest = blake2b(f"{seed}:{kind}:{number}".encode(), digest_size=8, person=b"bits")
    return int.from_bytes(digest.digest(), "big")


def lognormal(part: float, median: float, deviation: float) -> float:
    """The value of a lognormal distribution below which this part of it lies; 0 < part < 1."""
    return median * exp(deviation * _NORMAL.inv_cdf(part))


@dataclass(frozen=True)
class Shuffle:
    """The numbers below `size` in an order that follows from the seed and takes no memory.

    Whoever has one of the first `n` places belongs to a kind of which there are exactly `n`.
    """

    size: int
    seed: int

    def place(self, number: int) -> int:
        """Where `number` stands, from 0."""
        return (number * self._step + self.seed) % self.size

    def number(self, place: int) -> int:
        """Which number stands at `place`."""
        return (place - self.seed) * self._back % self.size

    @cached_property
    def _step(self) -> int:
        # Of the seed, too: two shuffles of one size must have nothing to do with one another.
        step = self.size // 4 + bits(self.seed, "step", self.size) % (self.size // 2 + 1) or 1
        while gcd(step, self.size) != 1:
            step += 1
        return step

    @cached_property
    def _back(self) -> int:
        return pow(self._step, -1, self.size)


def spread(total: int, parts: int) -> Iterable[int]:
    """`total` as so many whole numbers, as even as can be."""
    return ((at + 1) * total // parts - at * total // parts for at in range(parts))
