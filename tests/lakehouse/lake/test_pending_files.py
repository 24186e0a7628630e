"""Files of this machine: found at one look, loaded only when a later one agrees."""

import threading
import time

import pytest

from lakehouse.connectors.folder import LocalFolder
from lakehouse.errors import DeliveryMoving
from lakehouse.lake.load_file import load_file
from lakehouse.lake.pending_files import look_for_files

SETTLE = 0.6


@pytest.fixture
def look(landing, lake, make_table):
    table = make_table(columns={"id": "integer"}, settle_seconds=SETTLE)

    def now():
        return table, look_for_files(LocalFolder(landing), table, lake)

    return now


def load(landing, lake, table, file):
    return load_file(landing, file.found, table, lake, settles_at=file.settles_at)


def test_a_file_at_rest_is_loaded_not_before_its_time_has_passed(landing, lake, look):
    (landing / "a.csv").write_text("id\n1\n")
    began = time.monotonic()
    table, listed = look()
    assert time.monotonic() - began < SETTLE
    (file,) = listed.files
    assert load(landing, lake, table, file).status == "loaded"
    assert time.monotonic() - began >= SETTLE


@pytest.mark.parametrize("begun", ["id\n1\n", "id\nx\n", "wrong header\n1\n", ""])
def test_a_file_that_grows_within_that_time_leaves_nothing_and_is_loaded_whole_later(
    landing, lake, look, settings, begun
):
    path = landing / "a.csv"
    path.write_text(begun)
    table, listed = look()
    writer = threading.Timer(SETTLE / 2, lambda: path.write_text("id\n1\n2\n"))
    writer.start()
    with pytest.raises(DeliveryMoving, match=r"a\.csv"):
        load(landing, lake, table, listed.files[0])
    writer.join()
    assert not lake.ledger.newest_deliveries(table)
    assert not list(settings.quarantine.rglob("*.csv"))
    assert not list(lake.settings.raw.rglob("*.parquet*"))
    table, listed = look()
    assert load(landing, lake, table, listed.files[0]).rows_loaded == 2


def test_a_file_that_grows_while_it_is_looked_at_is_not_even_read(landing, lake, look, monkeypatch):
    path = landing / "a.csv"
    path.write_text("id\n1\n")

    def growing(_path):
        with path.open("a") as file:
            file.write("2\n")

    monkeypatch.setattr("lakehouse.lake.pending_files.profile_content", growing)
    _, listed = look()
    assert (listed.files, listed.moving) == ((), ("a.csv",))


def test_a_clock_of_another_machine_holds_a_load_up_no_longer_than_the_time_to_rest(
    landing, lake, look
):
    (landing / "a.csv").write_text("id\n1\n")
    table, listed = look()
    began = time.monotonic()
    load_file(landing, listed.files[0].found, table, lake, settles_at=began + 3600)
    assert time.monotonic() - began < SETTLE + 5
