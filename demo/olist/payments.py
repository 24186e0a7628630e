"""How the orders of the demo's marketplace are paid."""

from bisect import bisect_right
from enum import Enum
from random import Random
from typing import NamedTuple

from demo.olist.fates import Oddity
from demo.olist.words import INSTALMENTS, INSTALMENTS_UNTIL


class Means(Enum):
    """What an order is paid with."""

    CARD = "credit_card"
    SLIP = "boleto"
    DEBIT = "debit_card"
    VOUCHER = "voucher"
    CARD_AND_VOUCHER = "a card and a voucher"
    TWO_VOUCHERS = "two vouchers"


_MEANS = tuple(Means)
_MEANS_UNTIL = (0.745, 0.938, 0.953, 0.97, 0.994, 1.0)


class Payment(NamedTuple):
    """A row of payments; the value in cents."""

    kind: str
    instalments: int
    value: int


def means_of_payment(draw: Random) -> Means:
    """What an order is paid with; a slip is paid at a bank."""
    return _MEANS[bisect_right(_MEANS_UNTIL, draw.random())]


def make_payments(draw: Random, means: Means, total: int, oddity: Oddity) -> list[Payment]:
    """The payments of an order that costs `total` cents; where nothing is odd, they sum to it."""
    if oddity is Oddity.NO_PAYMENT:
        return []
    if oddity is Oddity.NOTHING_PAID:
        return [Payment("not_defined", 1, 0)]
    if oddity is Oddity.NO_INSTALMENTS:
        return [Payment(Means.CARD.value, 0, total)]
    if oddity is Oddity.OTHER_AMOUNT:
        total += 2 + int(2_000 * draw.random() ** 2)
    payments = _usual_payments(draw, means, total)
    if oddity is Oddity.EMPTY_VOUCHER:
        payments.append(Payment(Means.VOUCHER.value, 1, 0))
    return payments


def _usual_payments(draw: Random, means: Means, total: int) -> list[Payment]:
    instalments = INSTALMENTS[bisect_right(INSTALMENTS_UNTIL, draw.random())]
    if means is Means.CARD:
        return [Payment(means.value, instalments, total)]
    if means in (Means.SLIP, Means.DEBIT, Means.VOUCHER):
        return [Payment(means.value, 1, total)]
    part = 1 + int((total - 2) * draw.random() / 2)
    voucher = Payment(Means.VOUCHER.value, 1, part)
    if means is Means.CARD_AND_VOUCHER:
        return [Payment(Means.CARD.value, instalments, total - part), voucher]
    return [voucher, Payment(Means.VOUCHER.value, 1, total - part)]
