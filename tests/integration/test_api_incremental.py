"""Loads that go on from a cursor, and runs that ask at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from servers.api_load import (  # noqa: F401
    Load,
    lake_fixture,
    left_in,
    load_fixture,
    make_table,
    rows_fixture,
)
from servers.http_api import Asked, HttpApiServer, Reply, answer

from lakehouse.source_catalog import Table

pytestmark = pytest.mark.integration
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


@pytest.mark.parametrize("change", [{"cursor": "seen"}, {"path": "/v1/y"}])
def test_a_cursor_of_something_else_is_not_sent(load, http_api, change):
    columns = {"id": "integer", "at": "integer", "seen": "integer"}
    for path in ("/v1/x", "/v1/y"):
        http_api.on(path, answer("id,at,seen\n1,50,7\n"))
    load(make_table(columns, **INCREMENTAL))
    changed = make_table(columns, **{**INCREMENTAL, **change})
    load(changed)
    load(changed)
    greatest = "7" if "cursor" in change else "50"
    assert [asked.params for asked in http_api.asked] == [{}, {}, {"since": greatest}]


def load_two_at_once(load: Load, http_api: HttpApiServer, table: Table, *replies: Reply) -> None:
    """Start a second load while the first is held in its request."""
    is_asked, go = threading.Event(), threading.Event()

    def held(_: Asked) -> Reply:
        is_asked.set()
        assert go.wait(20)
        return replies[0]

    http_api.on("/v1/x", held, *replies[1:])
    with ThreadPoolExecutor(2) as threads:
        try:
            first = threads.submit(load, table)
            assert is_asked.wait(20)
            second = threads.submit(load, table)
            # It may not end before the first one, however long that takes.
            assert wait([second], timeout=1).not_done
        finally:
            go.set()
        assert first.result().delivery_id < second.result().delivery_id


def test_the_newer_answer_stays_current_when_two_runs_ask(load, http_api, rows):
    table = make_table({"id": "integer", "name": "varchar"}, format="csv")
    old, new = answer("id,name\n1,old\n"), answer("id,name\n1,new\n")
    load_two_at_once(load, http_api, table, old, new)
    # The raw view holds every batch; those that count are named beside it.
    is_current = "_batch_id in (select batch_id from etl.current_batches)"
    assert rows(table, f"name, {is_current}") == [("new", True), ("old", False)]


def test_a_second_run_asks_from_the_cursor_of_the_first(load, http_api, lake):
    table = make_table({"id": "integer", "at": "integer"}, **INCREMENTAL)
    answers = answer("id,at\n1,5\n"), answer("id,at\n2,9\n")
    load_two_at_once(load, http_api, table, *answers)
    assert [asked.params for asked in http_api.asked] == [{}, {"since": "5"}]
    assert lake.ledger.cursor(table) == "9"


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
