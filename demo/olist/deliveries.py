"""Deliveries of the demo's marketplace: its history, further days, and orders that changed.

The same arguments give the same bytes. Later deliveries fit the history of the same marketplace;
their names carry the date, so that they lie beside it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from demo.olist.defects import OlistDefects, OlistTotals
from demo.olist.fates import PLAIN, SHIPPED
from demo.olist.files import (
    customer_line,
    item_lines,
    order_line,
    payment_lines,
    product_line,
    review_lines,
    seller_line,
    table_path,
    whole_tables,
    write_translation,
)
from demo.olist.market import Marketplace
from demo.olist.orders import make_order
from demo.olist.tally import Tally
from demo.olist.words import CATEGORIES

_OF_ORDERS = ("orders", "order_items", "order_payments", "order_reviews")
_SNAPSHOTS = ("customers", "products", "sellers")


@dataclass(frozen=True)
class OlistDelivery:
    """Files that were written, and what is in them."""

    paths: list[Path]
    totals: OlistTotals
    defects: OlistDefects


@dataclass(frozen=True)
class LateUpdates:
    """A file of orders that had been delivered before, and the ids of those orders."""

    path: Path
    order_ids: list[str]


def write_olist(folder: Path, *, scale: int = 1, seed: int = 7, orders: int = 2000) -> list[Path]:
    """Write the nine files of a marketplace with `scale` times `orders` orders.

    Scale 50 is about the size of the published data.

    Args:
        folder: where to write; made if missing.
        scale: multiplies orders, and everything with them.
        seed: of the random numbers.
        orders: of scale 1; with the scale, at least 100.

    Returns:
        The files.
    """
    return write_history(folder, Marketplace(seed, scale * orders)).paths


def write_history(folder: Path, market: Marketplace) -> OlistDelivery:
    """Write the nine files of all orders until the last day of the history, row by row."""
    tables = (*_OF_ORDERS, *_SNAPSHOTS, "geolocation")
    paths = {table: table_path(folder, table) for table in tables}
    tally = Tally(market, day=0)
    with whole_tables(paths) as files:
        _write_orders(files, market, range(market.orders), tally)
        _write_snapshots(files, market, 0, tally)
        for points in market.geography.points():
            tally.add_points(points)
            files["geolocation"].write("\n".join(points.rows) + "\n")
    translation = write_translation(table_path(folder, "category_translation"))
    tally.add_rows("category_translation", len(CATEGORIES))
    return OlistDelivery([*paths.values(), translation], tally.totals(), tally.defects)


def write_next_day(folder: Path, market: Marketplace, *, day: int = 1) -> OlistDelivery:
    """Write the seven files of a day after the history.

    Orders, items, payments and reviews are those of the day alone, and nothing is wrong with
    them. Customers, products and sellers are all there are by then: the old ones as they were,
    one new seller with two new products, of which one is sold, and customers of whom a few have
    bought before.

    Args:
        folder: where to write; made if missing.
        market: the one whose history was written.
        day: 1 for the first day after the history.

    Returns:
        The files; sums and defects are those of these files, people those of all customers.
    """
    stamp = f"_{market.date_of(day):%Y%m%d}"
    paths = {table: table_path(folder, table, stamp) for table in (*_OF_ORDERS, *_SNAPSHOTS)}
    tally = Tally(market, day)
    with whole_tables(paths) as files:
        numbers = range(market.orders_until(day - 1), market.orders_until(day))
        _write_orders(files, market, numbers, tally)
        _write_snapshots(files, market, day, tally)
    return OlistDelivery(list(paths.values()), tally.totals(), tally.defects)


def write_late_updates(
    folder: Path, market: Marketplace, *, day: int = 1, orders: int = 10
) -> LateUpdates:
    """Write a file of orders that were shipped in the history and are delivered by now.

    Args:
        folder: where to write; made if missing.
        market: the one whose history was written.
        day: of which the file carries the date.
        orders: most rows of the file.
    """
    path = table_path(folder, "orders", f"_{market.date_of(day):%Y%m%d}_late")
    order_ids = []
    with whole_tables({"orders": path}) as files:
        for number in islice(market.fates.numbers(SHIPPED), orders):
            order = make_order(market, number, PLAIN)
            order_ids.append(order.order_id)
            files["orders"].write(order_line(order))
    return LateUpdates(path, order_ids)


def _write_orders(
    files: Mapping[str, TextIO], market: Marketplace, numbers: Iterable[int], tally: Tally
) -> None:
    orders, items = files["orders"], files["order_items"]
    payments, reviews = files["order_payments"], files["order_reviews"]
    for number in numbers:
        order = make_order(market, number)
        tally.add_order(order)
        orders.write(order_line(order))
        items.writelines(item_lines(order))
        payments.writelines(payment_lines(order))
        reviews.writelines(review_lines(order))


def _write_snapshots(
    files: Mapping[str, TextIO], market: Marketplace, day: int, tally: Tally
) -> None:
    for number in range(market.orders_until(day)):
        customer = market.people.customer(number)
        tally.add_customer(customer)
        files["customers"].write(customer_line(customer))
    for number in range(market.catalogue.products(day)):
        product = market.catalogue.product(number)
        tally.add_product(product)
        files["products"].write(product_line(product))
    for number in range(market.catalogue.sellers(day)):
        seller = market.catalogue.seller(number)
        tally.add_seller(seller)
        files["sellers"].write(seller_line(seller))
