"""Snapshots of the demo's marketplace in which somebody has moved, and a product as well."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from demo.olist.catalogue import Product, Seller
from demo.olist.files import (
    customer_line,
    product_line,
    seller_line,
    table_path,
    whole_tables,
)
from demo.olist.geography import Address, Geography
from demo.olist.market import Marketplace
from demo.olist.people import Customer
from demo.olist.words import CATEGORIES

_TRANSLATED = [name for name, *_ in CATEGORIES]


@dataclass(frozen=True)
class Move:
    """What changed for whom.

    Attributes:
        key: customer_unique_id, seller_id or product_id.
        before: city or category until then.
        after: city or category from then on.
    """

    key: str
    before: str
    after: str


@dataclass(frozen=True)
class Moves:
    """Snapshots of customers, products and sellers, and what changed in each."""

    paths: list[Path]
    customer: Move
    product: Move
    seller: Move


def write_moves(folder: Path, market: Marketplace, *, day: int = 1) -> Moves:
    """Write the snapshots of a day once more, in which three things changed since that day.

    The person with the most orders has another city, in all of their rows; so has the seller
    who sells most; the product that is sold most has another category. A later
    `write_next_day` does not know of it and undoes it.

    Args:
        folder: where to write; made if missing.
        market: the one whose history was written.
        day: of the snapshots: 0 for the history, 1 for the first day after it.
    """
    stamp = f"_{market.date_of(day):%Y%m%d}_moves"
    paths = {name: table_path(folder, name, stamp) for name in ("customers", "products", "sellers")}
    change_customer, customer = _moving_person(market)
    change_product, product = _moving_product(market)
    change_seller, seller = _moving_seller(market)
    people, catalogue = market.people, market.catalogue
    with whole_tables(paths) as files:
        files["customers"].writelines(
            customer_line(change_customer(people.customer(number)))
            for number in range(market.orders_until(day))
        )
        files["products"].writelines(
            product_line(change_product(catalogue.product(number)))
            for number in range(catalogue.products(day))
        )
        files["sellers"].writelines(
            seller_line(change_seller(catalogue.seller(number)))
            for number in range(catalogue.sellers(day))
        )
    return Moves(list(paths.values()), customer, product, seller)


def _moving_person(market: Marketplace) -> tuple[Callable[[Customer], Customer], Move]:
    before = market.people.customer(market.people.loyal_person())
    address = _elsewhere(market.geography, "new home", before.address)

    def changed(row: Customer) -> Customer:
        return row._replace(address=address) if row.person == before.person else row

    return changed, Move(before.person_id, before.address.city, address.city)


def _moving_product(market: Marketplace) -> tuple[Callable[[Product], Product], Move]:
    products = map(market.catalogue.product, count())
    before = next(product for product in products if product.category in _TRANSLATED)
    category = next(name for name in _TRANSLATED if name != before.category)

    def changed(row: Product) -> Product:
        return row._replace(category=category) if row.product_id == before.product_id else row

    return changed, Move(before.product_id, before.category, category)


def _moving_seller(market: Marketplace) -> tuple[Callable[[Seller], Seller], Move]:
    before = market.catalogue.seller(0)
    address = _elsewhere(market.geography, "new warehouse", before.address)

    def changed(row: Seller) -> Seller:
        return row._replace(address=address) if row.seller_id == before.seller_id else row

    return changed, Move(before.seller_id, before.address.city, address.city)


def _elsewhere(geography: Geography, kind: str, before: Address) -> Address:
    addresses = (geography.address(kind, number) for number in count())
    return next(address for address in addresses if address.city != before.city)
