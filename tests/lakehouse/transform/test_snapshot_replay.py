from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from lakehouse.errors import CatalogInvalid
from lakehouse.transform.snapshot_replay import (
    DeliveredSnapshot,
    delivered_snapshots,
    forget_snapshots,
    pending_rounds,
)

SELLERS = DeliveredSnapshot("snap_sellers", "stg_sellers", "shop", "sellers")
DECLARED = """
snapshots:
  - name: snap_sellers
    relation: ref('stg_sellers')
    config:
      unique_key: seller_id
      meta: {delivered_by: {source: shop, table: sellers}}
  - name: snap_by_the_clock
    relation: ref('stg_other')
"""


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            "create schema etl; create schema snapshots;"
            "create table etl.load_log (delivery_id bigint, batch_id varchar, source_name varchar,"
            " table_name varchar, status varchar, started_at timestamptz);"
            "create table etl.current_batches (source_name varchar, table_name varchar,"
            " batch_id varchar, sequence bigint)"
        )
        yield connection


def deliver(
    connection: duckdb.DuckDBPyConnection,
    *batches: str,
    table: str = "sellers",
    status: str = "loaded",
    first: int = 1,
) -> None:
    """Deliver batches, one an hour; the last one is current."""
    for number, batch in enumerate(batches, first):
        connection.execute(
            "insert into etl.load_log values (?, ?, 'shop', ?, ?, "
            "timestamptz '2026-01-01 00:00:00+00' + interval (?) hour)",
            [number, batch, table, status, number],
        )
    connection.execute("delete from etl.current_batches where table_name = ?", [table])
    last = first + len(batches) - 1
    connection.execute(
        "insert into etl.current_batches values ('shop', ?, ?, ?)", [table, batches[-1], last]
    )


def see(connection: duckdb.DuckDBPyConnection, hour: int) -> None:
    """The snapshot has a version that began with the delivery of that hour."""
    connection.execute(
        "create or replace table snapshots.snap_sellers as "
        "select timestamptz '2026-01-01 00:00:00+00' + interval (?) hour as dbt_updated_at",
        [hour],
    )


def numbers(connection: duckdb.DuckDBPyConnection) -> list[int]:
    return [step.delivery_id for (step,) in pending_rounds(connection, [SELLERS])]


def test_an_empty_snapshot_is_shown_every_delivery_but_the_newest(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    deliver(warehouse, "a", "b", "c")
    assert numbers(warehouse) == [1, 2]


def test_a_snapshot_that_saw_the_delivery_before_has_nothing_to_catch_up_on(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    deliver(warehouse, "a", "b", "c")
    see(warehouse, 2)
    assert numbers(warehouse) == []


def test_deliveries_after_the_newest_version_are_shown_in_their_order(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    deliver(warehouse, "a", "b", "c", "d", "e")
    see(warehouse, 2)
    assert numbers(warehouse) == [3, 4]


def test_the_same_content_twice_in_a_row_is_one_state_but_a_return_is_not(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    deliver(warehouse, "a", "a", "b", "a", "a")
    assert numbers(warehouse) == [1, 3]


def test_what_is_in_quarantine_or_newer_than_what_is_current_is_left_out(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    deliver(warehouse, "bad", status="quarantined")
    deliver(warehouse, "a", "b", first=2)
    deliver(warehouse, "later", first=4)
    warehouse.execute("update etl.current_batches set batch_id = 'b', sequence = 3")
    assert numbers(warehouse) == [2]


def test_a_round_shows_every_snapshot_its_next_delivery(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    products = DeliveredSnapshot("snap_products", "stg_products", "shop", "products")
    deliver(warehouse, "p", "q", table="products")
    deliver(warehouse, "a", "b", "c", first=3)
    rounds = pending_rounds(warehouse, [products, SELLERS])
    told = [[(step.snapshot.table, step.delivery_id) for step in steps] for steps in rounds]
    assert told == [[("products", 1), ("sellers", 3)], [("sellers", 4)]]


def test_a_forgotten_snapshot_starts_from_the_first_delivery(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    deliver(warehouse, "a", "b", "c")
    see(warehouse, 3)
    forget_snapshots(warehouse, [SELLERS])
    assert numbers(warehouse) == [1, 2]


def test_only_snapshots_that_name_their_delivery_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "snapshots" / "shop"
    folder.mkdir(parents=True)
    (folder / "_shop__snapshots.yml").write_text(DECLARED, "utf-8")
    assert delivered_snapshots(tmp_path, "shop") == [SELLERS]
    assert delivered_snapshots(tmp_path, "other") == []


def test_a_snapshot_that_reads_no_model_is_named_with_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "snapshots" / "shop"
    folder.mkdir(parents=True)
    declared = DECLARED.replace("ref('stg_sellers')", "source('shop', 'sellers')")
    (folder / "_shop__snapshots.yml").write_text(declared, "utf-8")
    with pytest.raises(CatalogInvalid, match=r"_shop__snapshots\.yml: snapshot snap_sellers"):
        delivered_snapshots(tmp_path, "shop")
