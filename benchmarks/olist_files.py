"""olist's files for a benchmark: a history, and the deliveries of one day after it."""

from pathlib import Path

import duckdb

from demo.olist.deliveries import write_history, write_next_day
from demo.olist.market import Marketplace
from lakehouse.sql_quoting import sql_string

# The last day on which the published marketplace sold as on others.
NEW_DAY = "2018-08-28"
PUBLISHED_ORDERS = 100_000
_OF_ORDERS = ("orders", "order_items", "order_payments", "order_reviews")


def split_published(published: Path, history: Path, day: Path) -> None:
    """Write the published files as they were a day before, and what that day brought.

    Args:
        published: the files as published, `.csv` or `.csv.gz`.
        history: gets all nine, without the orders of `NEW_DAY` and their customers.
        day: gets orders, items, payments and reviews of that day, and all customers.
    """
    for folder in (history, day):
        folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        for table in (*_OF_ORDERS, "customers"):
            (file,) = published.glob(f"olist_{table}_dataset.csv*")
            connection.execute(
                f"create table {table} as from read_csv({sql_string(str(file))}, header = true, "
                "all_varchar = true, quote = '\"', escape = '\"')"
            )
        connection.execute(
            "create table sold as select order_id, customer_id from orders "
            f"where order_purchase_timestamp[:10] = {sql_string(NEW_DAY)}"
        )
        for table in _OF_ORDERS:
            of_day = "order_id in (select order_id from sold)"
            _write(connection, f"from {table} where not ({of_day})", _path(history, table))
            _write(connection, f"from {table} where {of_day}", _path(day, table, "_new"))
        old = "customer_id not in (select customer_id from sold)"
        _write(connection, f"from customers where {old}", _path(history, "customers"))
        _write(connection, "from customers", _path(day, "customers", "_new"))
    written = {path.name for path in history.iterdir()}
    for file in published.glob("*.csv*"):
        if file.name.removesuffix(".gz") not in {name.removesuffix(".gz") for name in written}:
            (history / file.name).write_bytes(file.read_bytes())


def generate(times: int, history: Path, day: Path) -> None:
    """Write generated files of so many times the published size, and of one day after them."""
    market = Marketplace(orders=times * PUBLISHED_ORDERS)
    write_history(history, market)
    write_next_day(day, market)


def _path(folder: Path, table: str, stamp: str = "") -> Path:
    return folder / f"olist_{table}_dataset{stamp}.csv.gz"


def _write(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    connection.execute(
        f"copy ({query}) to {sql_string(str(path))} (format csv, header, compression gzip)"
    )
