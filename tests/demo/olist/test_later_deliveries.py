"""What comes after the history of the demo's marketplace: days, late updates, moves."""

import csv
from dataclasses import asdict
from decimal import Decimal

import pytest

from demo.olist.deliveries import write_history, write_late_updates, write_next_day
from demo.olist.files import table_path
from demo.olist.market import Marketplace
from demo.olist.moves import write_moves

MARKET = Marketplace(seed=3, orders=300)
DAY = "_20180904"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("olist")
    write_history(folder, MARKET)
    return folder


@pytest.fixture(scope="module")
def next_day(folder):
    return write_next_day(folder, MARKET)


def rows(folder, table, stamp=""):
    with table_path(folder, table, stamp).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ids(folder, table, key, stamp=""):
    return {row[key] for row in rows(folder, table, stamp)}


def test_the_next_day_brings_seven_files_beside_the_first_nine(folder, next_day):
    assert sorted(path.name for path in next_day.paths) == [
        "olist_customers_dataset_20180904.csv",
        "olist_order_items_dataset_20180904.csv",
        "olist_order_payments_dataset_20180904.csv",
        "olist_order_reviews_dataset_20180904.csv",
        "olist_orders_dataset_20180904.csv",
        "olist_products_dataset_20180904.csv",
        "olist_sellers_dataset_20180904.csv",
    ]


def test_the_orders_of_the_next_day_are_new_and_of_that_day(folder, next_day):
    orders = rows(folder, "orders", DAY)
    assert {row["order_purchase_timestamp"][:10] for row in orders} == {"2018-09-04"}
    new = {row["order_id"] for row in orders}
    assert len(new) == len(orders) == next_day.totals.rows["orders"] == MARKET.orders_a_day
    assert new.isdisjoint(ids(folder, "orders", "order_id"))
    for table in ("order_items", "order_payments", "order_reviews"):
        assert ids(folder, table, "order_id", DAY) == new


def test_snapshots_of_the_next_day_hold_the_old_rows_unchanged_and_the_new_ones(folder, next_day):
    for table, more in (("customers", MARKET.orders_a_day), ("products", 2), ("sellers", 1)):
        old, new = rows(folder, table), rows(folder, table, DAY)
        assert new[: len(old)] == old
        assert len(new) == len(old) + more == next_day.totals.rows[table]


def test_the_next_day_refers_to_its_own_snapshots_and_sells_something_new(folder, next_day):
    items = rows(folder, "order_items", DAY)
    sold = {row["product_id"] for row in items}
    assert sold <= ids(folder, "products", "product_id", DAY)
    assert sold - ids(folder, "products", "product_id")
    sellers = {row["seller_id"] for row in items}
    assert sellers <= ids(folder, "sellers", "seller_id", DAY)
    assert sellers - ids(folder, "sellers", "seller_id")
    customers = ids(folder, "orders", "customer_id", DAY)
    assert customers <= ids(folder, "customers", "customer_id", DAY)
    cost = sum(Decimal(row["price"]) + Decimal(row["freight_value"]) for row in items)
    assert cost == next_day.totals.gmv


def test_some_of_the_next_day_have_bought_before(folder, next_day):
    key = "customer_unique_id"
    people = [row[key] for row in rows(folder, "customers", DAY)]
    before = ids(folder, "customers", key)
    assert next_day.totals.people == len(set(people))
    assert len(before) < len(set(people)) < len(before) + MARKET.orders_a_day
    repeated = {person for person in people if people.count(person) > 1}
    assert next_day.totals.repeat_buyers == len(repeated)


def test_nothing_is_wrong_with_the_orders_of_the_next_day(next_day):
    of_snapshots = ("customers_", "sellers_", "products_")
    wrong = {
        name: count
        for name, count in asdict(next_day.defects).items()
        if count and not name.startswith(of_snapshots) and name != "comments_over_several_lines"
    }
    assert wrong == {}


def test_the_second_day_goes_on_where_the_first_one_ended(folder, next_day, tmp_path):
    write_next_day(tmp_path, MARKET, day=2)
    old, new = rows(folder, "customers", DAY), rows(tmp_path, "customers", "_20180905")
    assert new[: len(old)] == old
    second = ids(tmp_path, "orders", "customer_id", "_20180905")
    assert second == {row["customer_id"] for row in new[len(old) :]}


def test_late_updates_deliver_what_was_shipped_and_change_nothing_else(folder, tmp_path):
    updates = write_late_updates(tmp_path, MARKET, orders=2)
    assert updates.path.name == "olist_orders_dataset_20180904_late.csv"
    late = rows(tmp_path, "orders", f"{DAY}_late")
    assert [row["order_id"] for row in late] == updates.order_ids
    assert len(late) == 2
    before = {row["order_id"]: row for row in rows(folder, "orders")}
    for row in late:
        old = before[row["order_id"]]
        assert (old["order_status"], old["order_delivered_customer_date"]) == ("shipped", "")
        assert row["order_delivered_customer_date"] > row["order_delivered_carrier_date"]
        changed = {name for name in row if row[name] != old[name]}
        assert changed == {"order_status", "order_delivered_customer_date"}
        assert row["order_status"] == "delivered"


def test_moves_change_one_seller_one_product_and_all_rows_of_one_person(folder, next_day, tmp_path):
    moves = write_moves(tmp_path, MARKET)
    changed = {}
    for table in ("customers", "products", "sellers"):
        old, new = rows(folder, table, DAY), rows(tmp_path, table, f"{DAY}_moves")
        assert len(new) == len(old)
        changed[table] = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
    ((old_seller, new_seller),) = changed["sellers"]
    assert old_seller["seller_id"] == new_seller["seller_id"] == moves.seller.key
    assert (old_seller["seller_city"], new_seller["seller_city"]) == (
        moves.seller.before,
        moves.seller.after,
    )
    ((old_product, new_product),) = changed["products"]
    differing = {name for name in old_product if old_product[name] != new_product[name]}
    assert differing == {"product_category_name"}
    assert new_product["product_id"] == moves.product.key
    assert new_product["product_category_name"] == moves.product.after != moves.product.before
    people = {row["customer_unique_id"] for pair in changed["customers"] for row in pair}
    assert people == {moves.customer.key}
    assert {new["customer_city"] for _, new in changed["customers"]} == {moves.customer.after}
    assert {old["customer_city"] for old, _ in changed["customers"]} == {moves.customer.before}
    assert len(changed["customers"]) > 5


def test_moves_of_the_history_need_no_next_day(folder, tmp_path):
    write_moves(tmp_path, MARKET, day=0)
    old, new = rows(folder, "customers"), rows(tmp_path, "customers", "_20180903_moves")
    assert [row["customer_id"] for row in new] == [row["customer_id"] for row in old]
