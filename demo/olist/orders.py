"""Orders of the demo's marketplace, each made from its number: items, payments, reviews."""

from bisect import bisect_right
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from demo.olist import words
from demo.olist.fates import SHARED, Fate, Oddity
from demo.olist.market import Marketplace
from demo.olist.numbers import draw_for, key
from demo.olist.payments import Means, Payment, make_payments, means_of_payment
from demo.olist.people import customer_id
from demo.olist.timeline import Timeline, make_timeline, midnight, purchase_moment

_ITEMS_UNTIL = (0.9006, 0.9768, 0.9902, 0.9953, 0.9974, 1.0)


class Item(NamedTuple):
    """A row of items; amounts in cents."""

    product_id: str
    seller_id: str
    limit: datetime
    price: int
    freight: int


class Review(NamedTuple):
    """A row of reviews."""

    review_id: str
    score: int
    title: str
    message: str
    created: datetime
    answered: datetime


class Order(NamedTuple):
    """An order with its rows in four files.

    Attributes:
        partner: the order that has the same review; None if the review is its own.
    """

    number: int
    partner: int | None
    order_id: str
    customer_id: str
    status: str
    timeline: Timeline
    items: list[Item]
    payments: list[Payment]
    reviews: list[Review]


def make_order(market: Marketplace, number: int, fate: Fate | None = None) -> Order:
    """Order `number` of a marketplace.

    Args:
        market: says how many orders there are, and so of which day this one is.
        number: from 0.
        fate: what becomes of it, if not what the marketplace says.
    """
    fate = fate or market.fates.fate(number)
    partner = market.fates.partner(number) if fate is SHARED else None
    draw = draw_for(market.seed, "order", number)
    day = market.day_of(number)
    purchased = purchase_moment(draw, market.date_of(day) if day else None)
    shared: list[Review] = []
    if partner is not None:
        other = make_order(market, partner)
        purchased = other.timeline.purchased + timedelta(minutes=1 + int(9 * draw.random()))
        shared = other.reviews
    means = means_of_payment(draw)
    timeline = make_timeline(draw, purchased, fate, by_slip=means is Means.SLIP)
    items = _items(market, number, draw, timeline) if fate.has_items else []
    total = sum(item.price + item.freight for item in items) or int(3_000 / (1.02 - draw.random()))
    return Order(
        number,
        partner,
        key(market.seed, "order", number),
        customer_id(market.seed, number),
        fate.status,
        timeline,
        items,
        make_payments(draw, means, total, fate.oddity),
        shared or _reviews(market.seed, number, draw, timeline, fate.oddity),
    )


def _items(market: Marketplace, number: int, draw: Random, timeline: Timeline) -> list[Item]:
    day = market.day_of(number)
    products = market.catalogue.products(day)
    is_first_of_day = day > 0 and market.day_of(number - 1) < day
    count = 1 + bisect_right(_ITEMS_UNTIL, draw.random())
    limit = timeline.purchased + timedelta(seconds=int(86_400 * (3 + 5 * draw.random())))
    items: list[Item] = []
    while len(items) < count:
        # Whoever buys several mostly buys the same several times.
        if items and draw.random() < 0.7:
            items.append(items[-1])
            continue
        part = draw.random()
        product = products - 1 if is_first_of_day else int(products * part * part)
        offer = market.catalogue.offer(product)
        freight = int(850 + 0.11 * offer.grams + 0.035 * offer.price + 700 * draw.random())
        items.append(Item(offer.product_id, offer.seller_id, limit, offer.price, freight))
    return items


def _reviews(
    seed: int, number: int, draw: Random, timeline: Timeline, oddity: Oddity
) -> list[Review]:
    if oddity is Oddity.NO_REVIEW:
        return []
    seen = timeline.arrived or timeline.estimated
    created = midnight(seen) + timedelta(days=1)
    if oddity is Oddity.EARLY_REVIEW:
        created = midnight(timeline.purchased) - timedelta(days=1 + int(20 * draw.random()))
    is_late = timeline.arrived is None or timeline.arrived > timeline.estimated
    reviews = [_review(key(seed, "review", number), draw, created, is_late=is_late)]
    if oddity is Oddity.SEVERAL_REVIEWS:
        later = created + timedelta(days=2 + int(9 * draw.random()))
        reviews.append(_review(key(seed, "later review", number), draw, later, is_late=is_late))
    return reviews


def _review(review_id: str, draw: Random, created: datetime, *, is_late: bool) -> Review:
    until = words.SCORES_UNTIL_IF_LATE if is_late else words.SCORES_UNTIL
    score = words.SCORES[bisect_right(until, draw.random())]
    titles, messages = words.COMPLAINT if score < 3 else words.DOUBT if score == 3 else words.PRAISE
    wants_to_say = draw.random()
    message = messages[int(draw.random() * len(messages))] if wants_to_say < 0.41 else ""
    title = titles[int(draw.random() * len(titles))] if wants_to_say < 0.12 else ""
    answered = created + timedelta(seconds=int(3600 * (8 + 150 * draw.random() ** 2)))
    return Review(review_id, score, title, message, created, answered)
