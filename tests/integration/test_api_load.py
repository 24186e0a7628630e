"""From a real HTTP server into a RAW lake, whole or not at all."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from servers.api_load import (  # noqa: F401
    Load,
    lake_fixture,
    left_in,
    load_fixture,
    make_table,
    rows_fixture,
)
from servers.http_api import Asked, Reply, answer

from lakehouse.errors import ApiRefused, ApiUnavailable, QuarantineRefused
from lakehouse.lake.kept_delivery import kept_folder, kept_original
from lakehouse.lake.quarantine import find_refused, replay
from lakehouse.source_catalog import Catalog

pytestmark = pytest.mark.integration


def test_the_same_answer_twice_is_stored_once(load, http_api, lake):
    table = make_table({"id": "integer"}, format="csv")
    http_api.on("/v1/x", answer("id\n1\n"))
    first, again = load(table), load(table)
    assert (first.status, again.status) == ("loaded", "known")
    assert first.batch_id == again.batch_id
    assert len(list(lake.settings.raw.rglob("*.parquet"))) == 1
    assert left_in(lake.settings.scratch) == []


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
    assert not list(lake.settings.raw.rglob("*.parquet"))
    assert left_in(lake.settings.scratch) == []


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


def numbered(pages: list[list[dict[str, int]]]) -> Callable[[Asked], Reply]:
    """Pages from 1 on, and empty ones after the last."""

    def reply(asked: Asked) -> Reply:
        number = int(asked.params["page"])
        return answer({"items": pages[number - 1] if number <= len(pages) else []})

    return reply


@pytest.mark.parametrize("missing", ["$.data", "$.items"])
def test_the_first_pages_of_a_delivery_are_never_loaded_as_all_of_it(
    load, http_api, lake, rows, missing
):
    options = {"paging": {"style": "page", "parameter": "page"}}
    pages = numbered([[{"id": 1}, {"id": 2}], [{"id": 3}]])
    # Either the records are declared in the wrong place, or an error comes as the second page.
    broken = [pages] if missing == "$.data" else [pages, answer({"error": "later"}), pages]
    http_api.on("/v1/x", *broken)
    refused = load(make_table({"id": "integer"}, records=missing, **options))
    assert refused.status == "quarantined"
    corrected = make_table({"id": "integer"}, records="$.items", **options)
    catalogs = [Catalog(domain="shop", tables=(corrected,))]
    with pytest.raises(QuarantineRefused, match="Only the first pages were fetched"):
        replay(find_refused(catalogs, lake, refused.delivery_id), lake, run_id="ana")
    assert lake.ledger.current_batches([corrected]) == []
    assert load(corrected).rows_loaded == 3
    assert rows(corrected, "id") == [(1,), (2,), (3,)]
    assert lake.ledger.open_quarantine(corrected) == []


def test_all_pages_of_a_refused_delivery_are_loaded_again(load, http_api, lake):
    options = {"records": "$.items", "paging": {"style": "page", "parameter": "page"}}
    http_api.on("/v1/x", numbered([[{"id": "a"}], [{"id": "b"}]]))
    refused = load(make_table({"id": "integer"}, **options))
    assert refused.status == "quarantined"
    corrected = make_table({"id": "varchar"}, **options)
    catalogs = [Catalog(domain="shop", tables=(corrected,))]
    found = find_refused(catalogs, lake, refused.delivery_id)
    assert replay(found, lake, run_id="ana").rows_loaded == 2


def test_a_part_of_the_answers_is_no_content_that_the_lake_knows(load, http_api, monkeypatch):
    table = make_table({"id": "integer"}, paging={"style": "link"})
    by_number = make_table({"id": "integer"}, paging={"style": "page", "parameter": "page"})
    http_api.on("/v1/x", answer([{"id": 1}]))
    assert load(table).status == "loaded"
    # Its first page is the same, and too large to be looked through for the next one.
    monkeypatch.setattr("lakehouse.connectors.api.paging.LARGEST_PAGE", 5)
    assert load(by_number).status == "quarantined"


def test_a_good_answer_later_settles_a_bad_one(load, http_api, lake):
    table = make_table({"id": "integer"}, format="csv")
    http_api.on("/v1/x", answer("<html>"), answer("id\n1\n"))
    assert load(table).status == "quarantined"
    assert len(lake.ledger.open_quarantine(table)) == 1
    load(table)
    assert lake.ledger.open_quarantine(table) == []
