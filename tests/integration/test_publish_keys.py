"""Keys that the project declares, and what people change on published tables."""

from dataclasses import replace

import pytest
from servers.published_domain import PublishedDomain

from lakehouse.errors import PublishRefused, ServingRefused
from lakehouse.publish.serving_copy import DeclaredKey, PublishedTable

pytestmark = pytest.mark.integration


@pytest.fixture
def shop(postgres_database, tmp_path) -> PublishedDomain:
    found = PublishedDomain(postgres_database, tmp_path)
    found.build(
        "create table marts.sales as select range as id, 'c' || range % 3 as customer, "
        "range * 1.5 as amount from range(10)",
        "create table marts.customers as select 'c' || range as customer from range(3)",
    )
    found.publish("sales", "customers")
    return found


def test_keys_that_the_project_declares_are_made_and_go_with_their_declaration(shop):
    keys = (
        DeclaredKey("primary key", ("ID",)),
        DeclaredKey("unique", ("id", "customer")),
        DeclaredKey("not null", ("amount",)),
    )
    sales = PublishedTable("marts", "sales", "", {}, keys)
    shop.run(
        "alter table shop_marts.sales add constraint by_hand unique (amount)",
        "alter table shop_marts.sales alter customer set not null",
    )
    shop.publish(sales, "customers")
    constraints = (
        "select conname, pg_get_constraintdef(oid) from pg_constraint "
        "where conrelid = 'shop_marts.sales'::regclass and contype in ('p', 'u') order by 1"
    )
    not_null = (
        "select attname from pg_attribute where attrelid = 'shop_marts.sales'::regclass "
        "and attnum > 0 and attnotnull order by 1"
    )
    assert shop.run(constraints) == [
        ("by_hand", "UNIQUE (amount)"),
        ("sales_id_customer_key", "UNIQUE (id, customer)"),
        ("sales_pkey", "PRIMARY KEY (id)"),
    ]
    assert shop.run(not_null) == [("amount",), ("customer",), ("id",)]
    assert shop.publish(sales, "customers").changed == []
    shop.build("insert into marts.sales values (1, 'secret', 99)")
    with pytest.raises(ServingRefused, match="sales_pkey that the project declares") as told:
        shop.publish(sales, "customers")
    assert "secret" not in str(told.value)
    unknown = replace(sales, keys=(DeclaredKey("unique", ("gone",)),))
    with pytest.raises(PublishRefused, match="unique for gone, which the table has not"):
        shop.publish(unknown, "customers")
    assert shop.run("select count(*) from shop_marts.sales") == [(10,)]
    shop.publish("sales", "customers")
    assert shop.run(constraints) == [("by_hand", "UNIQUE (amount)")]
    assert shop.run(not_null) == [("customer",)]


def test_a_key_that_was_made_by_hand_just_as_it_is_declared_is_kept(shop):
    shop.run("alter table shop_marts.sales add primary key (id)")
    sales = PublishedTable("marts", "sales", "", {}, (DeclaredKey("primary key", ("id",)),))
    assert shop.publish(sales, "customers").changed == ["shop_marts.sales"]
    shop.build("insert into marts.sales values (10, 'c1', 7.5)")
    shop.publish(sales, "customers")
    assert shop.run("select count(*) from pg_constraint where conname = 'sales_pkey'") == [(1,)]


def test_something_else_of_the_same_name_is_not_touched(shop):
    shop.run("create table shop_marts.notes as select 'by hand' as note")
    shop.build("create table marts.notes as select 1 as n")
    with pytest.raises(ServingRefused, match=r"shop_marts\.notes is there and was not published"):
        shop.publish("sales", "customers", "notes")
    assert shop.run("select note from shop_marts.notes") == [("by hand",)]


def test_a_table_changed_by_hand_is_put_right(shop):
    shop.run("delete from shop_marts.sales where id = 3")
    published = shop.publish("sales", "customers")
    assert published.changed == ["shop_marts.sales"]
    assert "changed in PostgreSQL by hand" in published.warnings[0]
    assert shop.run("select count(*) from shop_marts.sales") == [(10,)]


def test_one_letter_changed_by_hand_is_put_right(shop):
    shop.run("update shop_marts.customers set customer = 'x1' where customer = 'c1'")
    assert shop.publish("sales", "customers").changed == ["shop_marts.customers"]
    assert shop.run("select count(*) from shop_marts.customers where customer = 'c1'") == [(1,)]
    assert shop.publish("sales", "customers").changed == []


def test_rows_hidden_from_their_owner_do_not_stop_the_publication(shop):
    publisher = f"own_{shop.url.database}"
    as_publisher = shop.role(publisher)
    shop.run(
        f'grant create on database "{shop.url.database}" to "{publisher}"',
        "drop schema shop_marts, aljibe cascade",
    )
    shop.publish("sales", "customers", as_user=as_publisher)
    shop.run(
        "alter table shop_marts.sales enable row level security",
        "alter table shop_marts.sales force row level security",
        url=as_publisher,
    )
    assert shop.publish("sales", "customers", as_user=as_publisher).warnings == []
    assert shop.run("select relforcerowsecurity from pg_class where relname = 'sales'") == [(True,)]


def test_what_is_no_longer_published_and_not_ours_any_more_is_not_dropped(shop):
    shop.run("drop table shop_marts.customers", "create table shop_marts.customers (n integer)")
    (warning,) = shop.publish("sales").warnings
    assert "shop_marts.customers is not published any more, but stays" in warning
    assert shop.publish("sales").warnings == []
    assert shop.run("select count(*) from shop_marts.customers") == [(0,)]


def test_a_table_that_was_dropped_by_hand_and_is_not_published_any_more_is_forgotten(shop):
    shop.run("drop table shop_marts.customers")
    assert shop.publish("sales").warnings == []
    assert shop.run("select table_name from aljibe.published_tables") == [("sales",)]
