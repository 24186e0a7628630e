from pathlib import Path

import duckdb
import pytest

from lakehouse.lake.load_log import LOAD_LOG_COLUMNS
from lakehouse.publish.balance import BalanceRow, read_balance
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.source_catalog import Catalog, Column, Table, TableMeta

SOURCE = "source.aljibe.shop.orders"


def make_model(name, schema, parents=(), **meta):
    return {
        "resource_type": "model",
        "name": name,
        "schema": schema,
        "fqn": ["aljibe", "shop", schema, name],
        "depends_on": {"nodes": list(parents)},
        "config": {"materialized": "table", "meta": meta},
    }


@pytest.fixture
def catalog():
    meta = TableMeta(load="snapshot", format="csv", pattern="orders.csv")
    table = Table(
        file=Path("_shop__sources.yml"),
        schema_name="raw",
        source="shop",
        name="orders",
        connector="files",
        block="landing-shop",
        columns=[Column(name="id", data_type="bigint")],
        meta=meta,
    )
    return Catalog(domain="shop", tables=[table])


@pytest.fixture
def manifest():
    return Manifest(
        {
            "metadata": {"project_name": "aljibe"},
            "nodes": {
                "model.aljibe.stg_orders": make_model("stg_orders", "staging", [SOURCE]),
                "model.aljibe.receipt": make_model("receipt", "core", receipt=True),
            },
            "sources": {SOURCE: {"name": "orders", "identifier": "orders", "schema": "raw"}},
        }
    )


@pytest.fixture
def warehouse(tmp_path):
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema raw; create schema staging; create schema core")
        connection.execute("create schema etl")
        # Of an earlier snapshot, which nothing reads any more, are three rows.
        connection.execute(
            "create table raw.orders as select range as id, 'new' as _batch_id from range(8) "
            "union all select range, 'old' from range(3)"
        )
        connection.execute("create table staging.stg_orders as select range as id from range(5)")
        connection.execute("create table core.receipt as select 'x' as name, 0 as unaccounted_rows")
        connection.execute(f"create table etl.load_log ({LOAD_LOG_COLUMNS})")
        connection.execute(
            "insert into etl.load_log (source_name, table_name, rows_delivered, rows_rejected, "
            "delivery_id) values ('shop', 'orders', 10, 2, 1), ('shop', 'orders', 99, 0, 2)"
        )
        connection.execute(
            "create table etl.current_batches as "
            "select 'shop' as source_name, 'orders' as table_name, 'new' as batch_id, 1 as sequence"
        )
    return path


def test_every_step_from_delivery_to_postgresql_is_counted(warehouse, catalog, manifest):
    rows = read_balance(warehouse, catalog, manifest, {"marts.sales": 4}, {"marts.sales": 4})
    assert rows == [
        BalanceRow("load", "shop.orders", 10, 2, 8, 0),
        BalanceRow("staging", "stg_orders", 8, 3, 5, 0),
        BalanceRow("receipt", "receipt", None, 0, None, 0),
        BalanceRow("publish", "marts.sales", 4, 0, 4, 0),
    ]


def test_rows_that_are_lost_or_made_up_are_unaccounted_for(warehouse, catalog, manifest):
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("delete from raw.orders where id = 0 and _batch_id = 'new'")
        connection.execute("insert into staging.stg_orders select 7 from range(9)")
        connection.execute("update core.receipt set unaccounted_rows = -2")
    rows = read_balance(warehouse, catalog, manifest, {"marts.sales": 4}, {})
    assert [row.unaccounted for row in rows] == [1, -7, 2, 4]


def test_what_newer_rows_replaced_is_told_from_what_the_model_leaves_out(
    warehouse, catalog, manifest
):
    table = catalog.tables[0]
    meta = table.meta.model_copy(update={"load": "incremental", "key": ("id",)})
    catalog = Catalog(domain="shop", tables=[table.model_copy(update={"meta": meta})])
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create or replace table etl.current_batches as select 'shop' as source_name, "
            "'orders' as table_name, 'b' || s as batch_id, s as sequence from range(1, 3) as t(s)"
        )
        # Of 8 rows, 0 and 1 come again in the second delivery, 1 twice; NULL is a key as well.
        connection.execute(
            "create or replace table raw.orders as from (values (0, 'b1'), (1, 'b1'), (2, 'b1'), "
            "(null, 'b1'), (0, 'b2'), (1, 'b2'), (1, 'b2'), (null, 'b2')) as t(id, _batch_id)"
        )
        connection.execute("create or replace table staging.stg_orders as select 1 from range(4)")
    rows = read_balance(warehouse, catalog, manifest, {}, {})
    (staged,) = (row for row in rows if row.step == "staging")
    assert staged == BalanceRow("staging", "stg_orders", 8, 4, 4, 0, replaced=3)
