"""From a real HTTP server into a RAW lake, whole or not at all."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from servers.http_api import HttpApiServer, Reply, answer

from lakehouse.connectors.api.access import ApiAccess
from lakehouse.connectors.api.load_api_table import load_api_table
from lakehouse.errors import ApiRefused, ApiUnavailable
from lakehouse.lake.kept_delivery import kept_folder, kept_original
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.quarantine import find_refused, replay
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog, Column, Table, TableMeta

pytestmark = pytest.mark.integration

MakeTable = Callable[..., Table]
Load = Callable[[Table], Delivery]


@pytest.fixture
def lake(tmp_path: Path) -> RawLake:
    return RawLake.of(Settings(home=tmp_path / "home"))


def make_table(columns: dict[str, str], *, load: str = "snapshot", **meta: Any) -> Table:
    """`make_table({"id": "integer"}, path="/v1/x", each=..., records="$.data", format="csv")`."""
    names = ("path", "params", "each", "paging", "optional")
    api = {name: meta.pop(name) for name in names if name in meta}
    if "records" in meta:
        meta["file"] = {"records": meta.pop("records")}
    return Table(
        source="shop",
        name="sales",
        connector="api",
        block="shop-api",
        schema_name="raw",
        meta=TableMeta.model_validate(
            {"load": load, "format": "json", "api": {"path": "/v1/x", **api}, **meta}
        ),
        columns=tuple(Column(name=name, data_type=kind) for name, kind in columns.items()),
        file=Path("_shop__sources.yml"),
    )


@pytest.fixture
def load(http_api: HttpApiServer, lake: RawLake) -> Load:
    """Ask the server for a table and load it, without waiting."""

    def run(table: Table) -> Delivery:
        access = ApiAccess(http_api.url, {"Authorization": "Bearer t0p-s3cr3t"}, block="shop-api")
        return load_api_table(access, table, lake, run_id="run", sleep=lambda _: None)

    return run


@pytest.fixture
def rows(lake: RawLake) -> Callable[..., list[tuple[Any, ...]]]:
    """Current rows of a table, as `raw.sales` shows them."""

    def read(table: Table, columns: str) -> list[tuple[Any, ...]]:
        warehouse = lake.settings.warehouse("shop")
        register_raw(Catalog(domain="shop", tables=(table,)), lake, warehouse, "test")
        with duckdb.connect(str(warehouse)) as connection:
            return connection.execute(f"select {columns} from raw.sales order by all").fetchall()

    return read


def test_the_same_answer_twice_is_stored_once(load, http_api, lake):
    table = make_table({"id": "integer"}, format="csv")
    http_api.on("/v1/x", answer("id\n1\n"))
    first, again = load(table), load(table)
    assert (first.status, again.status) == ("loaded", "known")
    assert first.batch_id == again.batch_id
    assert len(list(lake.root.rglob("*.parquet"))) == 1
    assert not [path for path in lake.settings.scratch.rglob("*") if path.is_file()]


def test_pages_become_one_delivery_with_the_page_as_source_file(load, http_api, rows):
    paging = {"style": "page", "parameter": "page"}
    table = make_table({"id": "integer"}, format="csv", paging=paging)
    http_api.on("/v1/x", answer("id\n1\n"), answer("id\n2\n3\n"), answer("id\n"))
    delivery = load(table)
    assert (delivery.file_name, delivery.rows_loaded) == ("/v1/x", 3)
    assert rows(table, "id, _source_file") == [(1, "/v1/x#1"), (2, "/v1/x#2"), (3, "/v1/x#2")]


def test_a_query_in_a_path_is_sent_and_shown_nowhere(load, http_api, rows):
    table = make_table({"id": "integer"}, format="csv", path="/v1/x?key=hidden")
    http_api.on("/v1/x", answer("id\n1\n"))
    delivery = load(table)
    assert http_api.asked[0].params == {"key": "hidden"}
    assert delivery.file_name == "/v1/x"
    assert rows(table, "_source_file") == [("/v1/x",)]


@pytest.mark.parametrize("last", [Reply(500), Reply(404), Reply(200, b"id\n3\n", cut=2)])
def test_a_page_that_fails_in_the_middle_leaves_nothing(load, http_api, lake, last):
    paging = {"style": "page", "parameter": "page"}
    table = make_table({"id": "integer"}, format="csv", paging=paging)
    http_api.on("/v1/x", answer("id\n1\n"), answer("id\n2\n"), last)
    with pytest.raises((ApiUnavailable, ApiRefused)):
        load(table)
    assert lake.ledger.newest_deliveries(table) == {}
    assert not list(lake.root.rglob("*.parquet"))
    assert not [path for path in lake.settings.scratch.rglob("*") if path.is_file()]


def test_each_year_is_a_part_with_its_year(load, http_api, rows):
    table = make_table(
        {"day": "date", "year": "integer"},
        format="csv",
        path="/v1/{year}",
        each={"year": {"first": 2024, "last": 2025}},
    )
    http_api.on("/v1/2024", answer("day\n2024-01-01\n"))
    http_api.on("/v1/2025", answer("day\n2025-01-01\n"))
    assert load(table).file_name == "/v1/{year}"
    assert rows(table, "day::varchar, year, _source_file") == [
        ("2024-01-01", 2024, "/v1/2024"),
        ("2025-01-01", 2025, "/v1/2025"),
    ]


def test_a_record_may_carry_what_was_asked_for_itself(load, http_api, rows):
    table = make_table(
        {"casa": "varchar", "venta": "decimal(18,4)"},
        path="/v1/{casa}",
        each={"casa": ["blue", "oficial"]},
    )
    http_api.on("/v1/blue", answer([{"casa": "BLUE", "venta": 1000.5}]))
    http_api.on("/v1/oficial", answer([{"venta": 900}]))
    assert load(table).reason is None
    assert rows(table, "casa, venta") == [
        ("BLUE", Decimal("1000.5000")),
        ("oficial", Decimal("900.0000")),
    ]


def test_numbers_with_and_without_decimals_are_one_column(load, http_api, rows):
    table = make_table({"casa": "varchar", "venta": "decimal(18,4)"})
    body = '[{"casa":"a","venta":1045},{"casa":"b","venta":1045.50},{"casa":"c","venta":0.0001}]'
    http_api.on("/v1/x", answer(body))
    assert load(table).rows_loaded == 3
    assert rows(table, "casa, venta::varchar") == [
        ("a", "1045.0000"),
        ("b", "1045.5000"),
        ("c", "0.0001"),
    ]


def test_a_field_of_one_record_only_is_kept_and_reported(load, http_api, rows):
    table = make_table({"casa": "varchar"})
    http_api.on("/v1/x", answer([{"casa": "a"}, {"casa": "b", "variacion": -0.25}]))
    delivery = load(table)
    assert "variacion" in delivery.reason
    assert rows(table, "casa, variacion") == [("a", None), ("b", "-0.25")]


def test_records_may_be_deep_in_the_answer(load, http_api, rows):
    table = make_table({"id": "integer"}, records="$.data.items")
    http_api.on("/v1/x", answer({"ok": True, "data": {"items": [{"id": 1}]}}))
    load(table)
    assert rows(table, "id") == [(1,)]


def test_an_empty_list_is_a_load_of_no_rows(load, http_api, rows):
    table = make_table({"id": "integer"})
    http_api.on("/v1/x", answer([]))
    delivery = load(table)
    assert (delivery.status, delivery.rows_loaded, delivery.rows_rejected) == ("loaded", 0, 0)
    assert rows(table, "id") == []


def test_a_list_that_collapses_is_refused_and_the_last_load_stands(load, http_api, rows):
    table = make_table({"id": "integer"}, format="csv")
    http_api.on("/v1/x", answer("id\n1\n2\n3\n"), answer("id\n"))
    load(table)
    assert "would replace 3 rows by 0" in load(table).reason
    assert rows(table, "id") == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    "body",
    [
        "<html>Log in</html>",
        "[" * 10_000 + "]" * 10_000,
        '[{"id": ' + "[" * 10_000 + "]" * 10_000 + "}]",
        '[{"id": 1}',
        "",
    ],
)
def test_an_answer_that_is_no_list_of_records_is_kept_in_quarantine(load, http_api, lake, body):
    table = make_table({"id": "integer"})
    http_api.on("/v1/x", answer(body))
    delivery = load(table)
    assert delivery.status == "quarantined"
    folder = kept_original(kept_folder(lake, table, delivery))
    assert [path.read_bytes() for path in sorted(folder.iterdir())] == [body.encode()]


def test_kept_answers_are_loaded_once_the_contract_fits(load, http_api, lake, rows):
    options = {"format": "csv", "path": "/v1/{y}", "each": {"y": ["a", "b"]}}
    http_api.on("/v1/a", answer("id\nx\n"))
    http_api.on("/v1/b", answer("id\ny\n"))
    refused = load(make_table({"id": "integer"}, **options))
    assert refused.status == "quarantined"
    corrected = make_table({"id": "varchar"}, **options)
    catalogs = [Catalog(domain="shop", tables=(corrected,))]
    found = find_refused(catalogs, lake, refused.delivery_id)
    loaded = replay(found, lake, run_id="ana")
    assert (loaded.status, loaded.file_name, loaded.sha256) == ("loaded", "/v1/{y}", refused.sha256)
    assert rows(corrected, "id, y, _source_file") == [("x", "a", "/v1/a"), ("y", "b", "/v1/b")]
    assert len(http_api.asked) == 2


def test_a_good_answer_later_settles_a_bad_one(load, http_api, lake):
    table = make_table({"id": "integer"}, format="csv")
    http_api.on("/v1/x", answer("<html>"), answer("id\n1\n"))
    assert load(table).status == "quarantined"
    assert len(lake.ledger.open_quarantine(table)) == 1
    load(table)
    assert lake.ledger.open_quarantine(table) == []


INCREMENTAL = {
    "load": "incremental",
    "format": "csv",
    "key": ["id"],
    "cursor": "at",
    "params": {"since": "{cursor}"},
}


@pytest.mark.parametrize(
    ("kind", "values", "greatest"),
    [
        ("integer", ["9", "10", "2"], "10"),
        ("varchar", ["9", "10", "2"], "9"),
        ("timestamp", ["2026-01-02 00:00:00", "2026-01-10 00:00:00", ""], "2026-01-10 00:00:00"),
    ],
)
def test_the_next_load_asks_from_the_greatest_value_on(
    load, http_api, lake, kind, values, greatest
):
    table = make_table({"id": "integer", "at": kind}, **INCREMENTAL)
    lines = "".join(f"{number},{value}\n" for number, value in enumerate(values))
    http_api.on("/v1/x", answer(f"id,at\n{lines}"))
    load(table)
    assert lake.ledger.cursor(table) == greatest
    load(table)
    assert [asked.params for asked in http_api.asked] == [{}, {"since": greatest}]


def test_a_later_load_without_records_keeps_the_cursor(load, http_api, lake, rows):
    table = make_table({"id": "integer", "at": "integer"}, **INCREMENTAL)
    http_api.on("/v1/x", answer("id,at\n1,5\n"), answer("id,at\n"), answer("id,at\n1,7\n"))
    for _ in range(3):
        load(table)
    assert [asked.params.get("since") for asked in http_api.asked] == [None, "5", "5"]
    assert lake.ledger.cursor(table) == "7"


def test_a_value_that_is_refused_moves_no_cursor(load, http_api, lake):
    table = make_table({"id": "integer", "at": "integer"}, **INCREMENTAL)
    http_api.on("/v1/x", answer("id,at\n1,5\n2,x9\n"))
    assert load(table).rows_rejected == 1
    assert lake.ledger.cursor(table) == "5"


def test_an_incremental_answer_that_cannot_be_read_is_quarantined(load, http_api, lake):
    table = make_table({"id": "integer", "at": "integer"}, **INCREMENTAL)
    http_api.on("/v1/x", answer("something,else\n1,2\n"))
    assert load(table).status == "quarantined"
    assert lake.ledger.cursor(table) is None


def test_appended_answers_all_count(load, http_api, rows):
    table = make_table({"id": "integer"}, load="append", format="csv")
    http_api.on("/v1/x", answer("id\n1\n"), answer("id\n2\n"), answer("id\n1\n"))
    statuses = [load(table).status for _ in range(3)]
    assert statuses == ["loaded", "loaded", "known"]
    assert rows(table, "id") == [(1,), (2,)]


def test_a_packed_answer_is_kept_unpacked(load, http_api, rows):
    table = make_table({"id": "integer"}, format="csv")
    http_api.on("/v1/x", answer("id\n1\n", packed=True))
    load(table)
    assert rows(table, "id") == [(1,)]
