"""What Spark is told of RAW: the columns of the files, and the contract made from them."""

from pathlib import Path

import duckdb
import pytest

from lakehouse.errors import RawUnfitForSpark
from lakehouse.source_catalog import Catalog, Column, Table, TableMeta
from lakehouse.transform.spark.shown_tables import shown_etl, shown_raw

CONTRACT = "id bigint, price decimal(10,2), sold_at timestamp, seen_at timestamptz, note varchar"


@pytest.fixture
def warehouse():
    connection = duckdb.connect()
    connection.execute("create schema raw; create schema etl; set timezone = 'UTC'")
    yield connection
    connection.close()


@pytest.fixture
def sales() -> Table:
    return Table(
        source="shop",
        name="sales",
        connector="files",
        block="landing",
        schema_name="raw",
        meta=TableMeta.model_validate({"load": "append", "pattern": "*"}),
        columns=(Column(name="id", data_type="bigint"),),
        file=Path("_shop__sources.yml"),
    )


def deliver(raw: Path, name: str, select: str) -> None:
    folder = raw / "shop/sales/year=2026/month=01/day=01"
    folder.mkdir(parents=True, exist_ok=True)
    duckdb.sql(f"copy (select {select}) to '{folder / name}.parquet' (format parquet)")


def declare(warehouse, columns=CONTRACT):
    """The raw view, whose types are all that is asked of it."""
    warehouse.execute(f"create or replace table raw.sales ({columns})")


def shown(warehouse, table, raw):
    (one,) = shown_raw(warehouse, Catalog(domain="shop", tables=(table,)), raw)
    return one


def test_a_table_has_the_columns_of_its_files_in_the_types_of_the_contract(
    warehouse, sales, tmp_path
):
    declare(warehouse)
    deliver(tmp_path, "a", "1::bigint as id, '2.5' as price, timestamp '2026-01-01' as sold_at")
    deliver(tmp_path, "b", "2::bigint as id, 'x' as \"TEMP (F)\"")
    one = shown(warehouse, sales, tmp_path)
    assert (one.schema, one.name) == ("raw", "sales")
    assert one.folder == str(tmp_path / "shop/sales")
    assert dict(one.columns) == {
        "id": "bigint",
        "price": "string",
        "sold_at": "timestamp_ntz",
        "TEMP (F)": "string",
    }
    assert one.select == (
        "`id` as `id`, try_cast(`price` as decimal(10,2)) as `price`, `sold_at` as `sold_at`, "
        "cast(null as timestamp_ltz) as `seen_at`, cast(null as string) as `note`"
    )


def test_a_table_without_deliveries_is_empty_and_typed(warehouse, sales, tmp_path):
    declare(warehouse, "id bigint, note varchar")
    one = shown(warehouse, sales, tmp_path)
    assert one.folder is None
    assert one.select == "cast(null as bigint) as `id`, cast(null as string) as `note`"


def test_files_that_hold_a_column_in_two_types_are_told(warehouse, sales, tmp_path):
    declare(warehouse)
    deliver(tmp_path, "a", "1::bigint as id")
    deliver(tmp_path, "b", "'2' as id")
    with pytest.raises(RawUnfitForSpark, match=r"shop\.sales, column id: .*embedded"):
        shown(warehouse, sales, tmp_path)


def test_a_type_that_spark_does_not_have_is_told(warehouse, sales, tmp_path):
    declare(warehouse, "id hugeint")
    with pytest.raises(RawUnfitForSpark, match=r"shop\.sales, column id: .*HUGEINT"):
        shown(warehouse, sales, tmp_path)


def test_etl_tables_are_written_for_spark_with_their_types(warehouse, tmp_path):
    warehouse.execute("create table etl.load_log as select 1::bigint n, now() as started_at")
    (one,) = shown_etl(warehouse, tmp_path)
    read = duckdb.sql(f"describe from '{one.folder}/*.parquet'").fetchall()
    assert [row[:2] for row in read] == [
        ("n", "BIGINT"),
        ("started_at", "TIMESTAMP WITH TIME ZONE"),
    ]
