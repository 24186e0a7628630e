"""The files of the demo's marketplace, written as the published ones are.

Headers, zip prefixes and ids that begin with a digit are quoted, and so is a text with a comma, a
quote or a line break; lines end with LF, UTF-8. The translation begins with a byte order mark, has
CRLF, and none after its last row.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from demo.kept_files import whole_file
from demo.olist.catalogue import Product, Seller
from demo.olist.orders import Order
from demo.olist.people import Customer
from demo.olist.words import CATEGORIES

TABLES = {
    "customers": (
        "olist_customers_dataset",
        "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state",
    ),
    "geolocation": (
        "olist_geolocation_dataset",
        "geolocation_zip_code_prefix,geolocation_lat,geolocation_lng,geolocation_city,"
        "geolocation_state",
    ),
    "order_items": (
        "olist_order_items_dataset",
        "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value",
    ),
    "order_payments": (
        "olist_order_payments_dataset",
        "order_id,payment_sequential,payment_type,payment_installments,payment_value",
    ),
    "order_reviews": (
        "olist_order_reviews_dataset",
        "review_id,order_id,review_score,review_comment_title,review_comment_message,"
        "review_creation_date,review_answer_timestamp",
    ),
    "orders": (
        "olist_orders_dataset",
        "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,"
        "order_delivered_carrier_date,order_delivered_customer_date,"
        "order_estimated_delivery_date",
    ),
    "products": (
        "olist_products_dataset",
        "product_id,product_category_name,product_name_lenght,product_description_lenght,"
        "product_photos_qty,product_weight_g,product_length_cm,product_height_cm,"
        "product_width_cm",
    ),
    "sellers": (
        "olist_sellers_dataset",
        "seller_id,seller_zip_code_prefix,seller_city,seller_state",
    ),
    "category_translation": (
        "product_category_name_translation",
        "product_category_name,product_category_name_english",
    ),
}
"""File name without ending, and columns, of each table, by its name in the source olist_files."""


def table_path(folder: Path, table: str, stamp: str = "") -> Path:
    """Where the file of a table lies; the stamp tells a later delivery from the first."""
    return folder / f"{TABLES[table][0]}{stamp}.csv"


@contextmanager
def whole_tables(paths: dict[str, Path]) -> Iterator[dict[str, TextIO]]:
    """Open the files of some tables to write lines to; each becomes visible when it is whole.

    Args:
        paths: of each table, by its name in `TABLES`.

    Yields:
        The files by the same names, with their headers written.
    """
    with ExitStack() as kept:
        unfinished = {name: kept.enter_context(whole_file(path)) for name, path in paths.items()}
        with ExitStack() as opened:
            files: dict[str, TextIO] = {}
            for name, path in unfinished.items():
                file = path.open("w", encoding="utf-8", newline="", buffering=1 << 20)
                files[name] = opened.enter_context(file)
                columns = TABLES[name][1]
                file.write('"' + columns.replace(",", '","') + '"\n')
            yield files


def write_translation(path: Path) -> Path:
    """Write the English name of each category that has one.

    Returns:
        `path`.
    """
    pairs = [
        TABLES["category_translation"][1],
        *(f"{name},{english}" for name, english, *_ in CATEGORIES),
    ]
    with whole_file(path) as unfinished:
        unfinished.write_text("\r\n".join(pairs), encoding="utf-8-sig", newline="")
    return path


def customer_line(customer: Customer) -> str:
    """A row of customers."""
    prefix, city, state = customer.address
    ids = f"{quoted_key(customer.customer_id)},{quoted_key(customer.person_id)}"
    return f'{ids},"{prefix}",{quoted_text(city)},{state}\n'


def seller_line(seller: Seller) -> str:
    """A row of sellers."""
    prefix, city, state = seller.address
    return f'{quoted_key(seller.seller_id)},"{prefix}",{quoted_text(city)},{state}\n'


def product_line(product: Product) -> str:
    """A row of products; without texts, their three fields are empty."""
    texts = ",".join(map(str, product.texts)) or ",,"
    numbers = ",".join(map(str, (product.grams, *product.centimetres)))
    return f"{quoted_key(product.product_id)},{product.category},{texts},{numbers}\n"


def order_line(order: Order) -> str:
    """A row of orders."""
    moments = ",".join([moment.isoformat(" ") if moment else "" for moment in order.timeline])
    ids = f"{quoted_key(order.order_id)},{quoted_key(order.customer_id)}"
    return f"{ids},{order.status},{moments}\n"


def item_lines(order: Order) -> Iterator[str]:
    """Rows of items, counted from 1."""
    order_id = quoted_key(order.order_id)
    for number, item in enumerate(order.items, start=1):
        ids = f"{order_id},{number},{quoted_key(item.product_id)},{quoted_key(item.seller_id)}"
        yield f"{ids},{item.limit.isoformat(' ')},{amount(item.price)},{amount(item.freight)}\n"


def payment_lines(order: Order) -> Iterator[str]:
    """Rows of payments, counted from 1."""
    order_id = quoted_key(order.order_id)
    for number, payment in enumerate(order.payments, start=1):
        kind, instalments, value = payment
        yield f"{order_id},{number},{kind},{instalments},{amount(value)}\n"


def review_lines(order: Order) -> Iterator[str]:
    """Rows of reviews."""
    order_id = quoted_key(order.order_id)
    for review in order.reviews:
        texts = f"{quoted_text(review.title)},{quoted_text(review.message)}"
        moments = f"{review.created.isoformat(' ')},{review.answered.isoformat(' ')}"
        yield f"{quoted_key(review.review_id)},{order_id},{review.score},{texts},{moments}\n"


def amount(cents: int) -> str:
    """Reais with two decimals."""
    return f"{cents // 100}.{cents % 100:02d}"


def quoted_key(identifier: str) -> str:
    """An identifier as it stands in the files."""
    return f'"{identifier}"' if identifier[0] < "a" else identifier


def quoted_text(text: str) -> str:
    """A text as it stands in the files."""
    if "," in text or '"' in text or "\n" in text:
        return '"' + text.replace('"', '""') + '"'
    return text
