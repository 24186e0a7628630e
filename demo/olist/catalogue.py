"""Sellers and products of the demo's marketplace."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import NamedTuple

from demo.olist.geography import Address, Geography
from demo.olist.numbers import Shuffle, bits, draw_for, key, lognormal, share
from demo.olist.words import CATEGORIES, UNTRANSLATED

NEW_PRODUCTS_A_DAY = 2
_UNTIL = tuple(accumulate(parts for _, _, parts, _ in CATEGORIES))
_CENTS_AT_THE_END = (90, 99, 0, 90)


class Seller(NamedTuple):
    """A row of sellers."""

    seller_id: str
    address: Address


class Offer(NamedTuple):
    """A product as an order needs it; the price in cents, the weight in grams."""

    product_id: str
    seller_id: str
    price: int
    grams: int


class Product(NamedTuple):
    """A row of products.

    Attributes:
        category: in Portuguese; empty if it has none.
        texts: letters of the name, letters of the description, photos; nothing without a category.
        centimetres: length, height, width.
    """

    product_id: str
    category: str
    texts: tuple[int, ...]
    grams: int
    centimetres: tuple[int, int, int]


@dataclass(frozen=True)
class Catalogue:
    """What a marketplace with so many orders sells, and who sells it; numbers count from 0.

    Attributes:
        seed: of every random number.
        orders: in the history.
    """

    seed: int
    orders: int

    def products(self, day: int = 0) -> int:
        """How many products there are on a day; day 0 is the last of the history."""
        return self._products + day * NEW_PRODUCTS_A_DAY

    def sellers(self, day: int = 0) -> int:
        """How many sellers there are on a day; each day brings one, who sells what is new."""
        return self._sellers + day

    def seller(self, number: int) -> Seller:
        """A seller."""
        off_the_map = number < self._sellers and self._seller_shuffle.place(number) < share(
            7, self.orders
        )
        address = self._geography.address("seller", number, known=not off_the_map)
        return Seller(key(self.seed, "seller", number), address)

    def seller_of(self, product: int) -> int:
        """Who sells a product; a few sellers sell most of them."""
        if product >= self._products:
            return self._sellers + (product - self._products) // NEW_PRODUCTS_A_DAY
        part = (self._bits(product) >> 48) / 2**16
        return int(self._sellers * part * part)

    def offer(self, product: int) -> Offer:
        """A product as an order needs it."""
        return self._popular_offers(product)

    def _offer(self, product: int) -> Offer:
        random_bits = self._bits(product)
        median = CATEGORIES[_category_at(random_bits)][3]
        price = lognormal(_part(random_bits), median, 0.88)
        hectograms = min(400, int(lognormal(_part(random_bits >> 16), 7, 1.25)))
        return Offer(
            key(self.seed, "product", product),
            key(self.seed, "seller", self.seller_of(product)),
            max(1, int(price)) * 100 + _CENTS_AT_THE_END[random_bits >> 32 & 3],
            50 + 100 * hectograms,
        )

    def product(self, number: int) -> Product:
        """A product."""
        offer = self._offer(number)
        draw = draw_for(self.seed, "product", number)
        category, grams = CATEGORIES[_category_at(self._bits(number))][0], offer.grams
        texts: tuple[int, ...] = (
            draw.randint(20, 63),
            int(100 + 600 * draw.random() + 2500 * draw.random() ** 6),
            1 + int(7 * draw.random() ** 2.5),
        )
        centimetres = (draw.randint(16, 60), draw.randint(2, 40), draw.randint(11, 45))
        if number < self._products:
            bare, unknown, weightless = self._odd_until
            place = self._product_shuffle.place(number)
            if place < bare:
                category, texts = "", ()
            elif place < unknown:
                category = UNTRANSLATED[place % len(UNTRANSLATED)]
            elif place < weightless:
                grams = 0
        return Product(offer.product_id, category, texts, grams, centimetres)

    def _bits(self, product: int) -> int:
        """What decides of a product: 16 bits price, 16 weight, 2 ending, 14 category, 16 seller."""
        return bits(self.seed, "product", product)

    @cached_property
    def _popular_offers(self) -> Callable[[int], Offer]:
        return lru_cache(maxsize=20_000)(self._offer)

    @cached_property
    def _odd_until(self) -> tuple[int, ...]:
        """Places of products without category, in one without translation, and of weight 0."""
        untranslated = share(13, self.orders, least=len(UNTRANSLATED))
        counts = (share(610, self.orders), untranslated, share(4, self.orders))
        return tuple(accumulate(counts))

    @cached_property
    def _products(self) -> int:
        return share(32_951, self.orders, least=60)

    @cached_property
    def _sellers(self) -> int:
        return share(3_095, self.orders, least=20)

    @cached_property
    def _product_shuffle(self) -> Shuffle:
        return Shuffle(self._products, self.seed + 2)

    @cached_property
    def _seller_shuffle(self) -> Shuffle:
        return Shuffle(self._sellers, self.seed + 3)

    @cached_property
    def _geography(self) -> Geography:
        return Geography(self.seed, self.orders)


def _part(random_bits: int) -> float:
    """A number between 0 and 1, neither of them, from the lowest 16 bits."""
    return (random_bits & 0xFFFF | 1) / 0x10000


def _category_at(random_bits: int) -> int:
    return bisect_right(_UNTIL, (random_bits >> 34 & 0x3FFF) % _UNTIL[-1])
