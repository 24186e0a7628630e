"""What a look at a database shows before its first load, tried on SQLite."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from sqlalchemy import URL

from lakehouse.connectors.database.profile import TableProfile, profile_tables
from lakehouse.errors import RelationMissing
from lakehouse.scaffold.profiled_source import source_yaml
from lakehouse.source_catalog import load_catalog


@pytest.fixture
def url(tmp_path: Path) -> URL:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("""
            create table orders (
                id integer primary key, "select" int, monto float, day date, epoch datetime,
                mixed int, price decimal(60,2), updated_at datetime, "Fecha Alta" date
            );
            create table "Sin Clave" (a text, row_version int not null);
            create index by_version on "Sin Clave" (row_version);
            create view broken as select no_such_column from orders;
        """)
        connection.executemany(
            "insert into orders values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (1, 1, 1.5, "2024-02-30", 1704067200, "x", None, "2024-01-01 00:00:00", None),
                (2, 1, 1.5, "2024-02-28", None, 3, None, None, "2024-01-01"),
                (3, 1, 1.5, "01/02/2024", None, 4, None, None, "2024-01-01T10:00:00Z"),
            ],
        )
    return URL.create("sqlite", database=str(path))


def said(profile: TableProfile) -> dict[str | None, list[str]]:
    found: dict[str | None, list[str]] = {}
    for hazard in profile.hazards:
        found.setdefault(hazard.column, []).append(hazard.what)
    return found


def test_each_hazard_is_counted_and_named_by_its_column(url):
    (orders,) = profile_tables(url, ["orders"])
    assert said(orders) == {
        "select": ["is named like a word of SQL"],
        "monto": ["keeps money as a binary number (float)"],
        "day": ["2 of 3 rows are no date in the order of ISO 8601"],
        "epoch": ["1 of 3 rows hold a moment as a number"],
        "mixed": ["2 of 3 rows are integer", "1 of 3 rows are text"],
        "price": ["has 60 digits, more than the 38 of a decimal"],
        "updated_at": [
            "could be the cursor, but is NULL in 2 rows",
            "could be the cursor, but no index begins with it",
        ],
    }
    assert orders.cursor == "updated_at"


def test_every_table_and_view_is_looked_at_and_one_that_cannot_be_read_is_said(url):
    profiles = {profile.name: profile for profile in profile_tables(url)}
    assert set(profiles) == {"orders", "Sin Clave", "broken"}
    assert profiles["broken"].relation is None
    assert "no such column" in profiles["broken"].hazards[0].what
    assert said(profiles["Sin Clave"])[None] == ["has no primary key"]
    # Without a key nothing can be incremental, however good the cursor is.
    assert profiles["Sin Clave"].cursor is None


def test_a_large_table_is_looked_at_in_part_and_this_is_said(url):
    (orders,) = profile_tables(url, ["orders"], sample_rows=2)
    assert (orders.rows, orders.is_sample) == (2, True)
    assert said(orders)["day"] == ["1 of the first 2 rows are no date in the order of ISO 8601"]
    (whole,) = profile_tables(url, ["orders"], sample_rows=3)
    assert not whole.is_sample


def test_a_table_that_is_not_there_is_an_error_that_names_those_that_are(url):
    with pytest.raises(RelationMissing, match="There is: Sin Clave, broken, orders"):
        profile_tables(url, ["pedidos"])


def test_no_value_of_a_row_is_shown(url):
    text = str(profile_tables(url))
    for value in ("2024-02-30", "01/02/2024", "1704067200"):
        assert value not in text


def test_the_yaml_is_a_source_that_the_catalog_reads(url, tmp_path):
    text = source_yaml(profile_tables(url), "tienda", "tienda_db", "tienda-database")
    staging = tmp_path / "models" / "tienda" / "staging"
    staging.mkdir(parents=True)
    (staging / "_tienda_db__sources.yml").write_text(text, encoding="utf-8")
    catalog = load_catalog(tmp_path, "tienda")
    orders = catalog.table("tienda_db", "orders")
    assert (orders.meta.load, orders.meta.key, orders.block) == (
        "snapshot", ("id",), "tienda-database",
    )  # fmt: skip
    types = {column.name: column.data_type for column in orders.columns}
    assert (types["mixed"], types["epoch"], types["price"]) == ("varchar", "bigint", "varchar")
    other = catalog.table("tienda_db", "sin_clave")
    assert other.meta.database is not None
    assert other.meta.database.relation == "Sin Clave"
    assert "# config.meta may say instead: load: incremental, cursor: updated_at" in text


def test_relations_whose_plain_names_are_the_same_get_different_ones(tmp_path):
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        for name in ("a b", "a-b", "1x", "ñ"):
            connection.execute(f'create table "{name}" (id integer primary key)')
    profiles = profile_tables(URL.create("sqlite", database=str(path)))
    tables = yaml.safe_load(source_yaml(profiles, "d", "s", "b"))["sources"][0]["tables"]
    names = [table["name"] for table in tables]
    assert len(set(names)) == 4
    assert {table["config"]["meta"]["relation"] for table in tables} == {"a b", "a-b", "1x", "ñ"}
