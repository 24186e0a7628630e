"""Looks at real folders with a real ledger: what is told, and what is told once."""

import os

import pytest

from lakehouse.connectors.folder import LocalFolder
from lakehouse.errors import PrefectUnavailable, RemoteFolderUnavailable
from lakehouse.lake.load_file import load_file
from lakehouse.lake.pending_files import look_for_files
from lakehouse.source_catalog import Catalog, Table
from lakehouse.watch.arrival_events import ARRIVALS_SETTLED, FILE_ARRIVED
from lakehouse.watch.domain_watch import DomainWatch, look_at_all
from lakehouse.watch.settling import SettlingTimes

TIMES = SettlingTimes(quiet=2, longest=30, again=60)


@pytest.fixture
def shop(make_table):
    return make_table("sales"), make_table("stock")


@pytest.fixture
def watch(landing, lake, shop):
    said: list[str] = []

    def make(*tables: Table, open_store=lambda _table: LocalFolder(landing)) -> DomainWatch:
        catalog = Catalog(domain="shop", tables=tables or shop)
        made = DomainWatch.of(catalog, lake, open_store, said.append, times=TIMES)
        made.said = said
        return made

    return make


def looks(watch: DomainWatch, start: float, seconds: int) -> list:
    return [event for now in range(seconds) for event in watch.look(start + now)]


@pytest.fixture
def take(landing, lake, shop):
    """What a run does with all that waits."""

    def load_all() -> None:
        for table in shop:
            for file in look_for_files(LocalFolder(landing), table, lake).files:
                if file.pending:
                    load_file(landing, file.found, table, lake)

    return load_all


def test_each_file_is_told_once_and_all_wake_one_run(landing, watch):
    for name in ("sales_1.csv", "sales_2.csv", "stock.csv", "other.csv"):
        (landing / name).write_text("id\n1\n")
    events = looks(watch(), 0, 20)
    assert [event.name for event in events] == [FILE_ARRIVED] * 3 + [ARRIVALS_SETTLED]
    assert events[-1].payload["files"] == 3
    assert events[-1].payload["names"] == ["sales_1.csv", "sales_2.csv", "stock.csv"]
    assert events[-1].resource["prefect.resource.id"] == "lakehouse.arrivals.shop"


def test_ids_are_the_same_in_every_watcher_and_others_for_a_changed_file(landing, watch):
    (landing / "sales.csv").write_text("id\n1\n")
    first, second = looks(watch(), 0, 10), looks(watch(), 100, 10)
    assert [event.id for event in first] == [event.id for event in second]
    os.utime(landing / "sales.csv", ns=(1, 1))
    changed = looks(watch(), 200, 10)
    assert not {event.id for event in changed} & {event.id for event in first}


def test_a_file_is_told_only_when_two_looks_agree(landing, watch):
    path, one = landing / "sales.csv", watch()
    for now in range(6):
        path.write_text("id\n" + "1\n" * now)
        os.utime(path, ns=(now, now))
        assert one.look(now * 0.9) == []
    assert [event.name for event in looks(one, 6, 6)] == [FILE_ARRIVED, ARRIVALS_SETTLED]


@pytest.mark.parametrize("suffix", [".part", ".tmp", ".filepart"])
def test_a_file_that_is_renamed_when_it_is_complete_is_told_then(landing, watch, suffix):
    half, one = landing / f"sales.csv{suffix}", watch()
    half.write_text("id\n1\n")
    assert looks(one, 0, 10) == []
    half.rename(landing / "sales.csv")
    assert [event.name for event in looks(one, 10, 10)] == [FILE_ARRIVED, ARRIVALS_SETTLED]


def test_a_ready_marker_is_waited_for(landing, watch, make_table):
    one = watch(make_table("sales", ready_marker="{name}.ok"))
    (landing / "sales.csv").write_text("id\n1\n")
    assert looks(one, 0, 10) == []
    (landing / "sales.csv.ok").touch()
    assert [event.name for event in looks(one, 10, 10)] == [FILE_ARRIVED, ARRIVALS_SETTLED]


def test_what_is_loaded_is_told_no_more_and_a_correction_is(landing, lake, watch, take):
    (landing / "sales.csv").write_text("id\n1\n")
    one = watch()
    assert looks(one, 0, 10)
    take()
    assert looks(one, 10, 200) == []
    assert looks(watch(), 0, 20) == []
    (landing / "sales.csv").write_text("id\n2\n3\n")
    assert [event.name for event in looks(one, 300, 10)] == [FILE_ARRIVED, ARRIVALS_SETTLED]


def test_what_was_refused_is_told_no_more_until_it_changes(landing, lake, watch, take):
    (landing / "sales.csv").write_text("wrong\n1\n")
    one = watch()
    assert looks(one, 0, 10)
    take()
    assert looks(one, 10, 200) == []
    (landing / "sales.csv").write_text("id\n1\n")
    assert len(looks(one, 300, 10)) == 2


def test_a_folder_that_cannot_be_looked_at_is_said_once_and_taken_up_again(landing, watch):
    answers = [RemoteFolderUnavailable("the server is away."), None]

    def open_store(_table):
        if answers[0]:
            raise answers[0]
        return LocalFolder(landing)

    (landing / "sales.csv").write_text("id\n1\n")
    one = watch(open_store=open_store)
    assert looks(one, 0, 5) == []
    assert one.said == ["shop: the server is away. Looking again."]
    answers[0] = None
    assert [event.name for event in looks(one, 10, 10)] == [FILE_ARRIVED, ARRIVALS_SETTLED]
    assert one.said[1:] == ["shop: the folder of landing-shop can be looked at again."]


def test_events_that_nobody_took_are_given_again(landing, watch, monkeypatch):
    (landing / "sales.csv").write_text("id\n1\n")
    one, sent, clock = watch(), [], [0.0]
    monkeypatch.setattr("lakehouse.watch.domain_watch.time.monotonic", lambda: clock[0])

    def refuse(_events):
        raise PrefectUnavailable("it is away")

    for now in range(8):
        clock[0] = float(now)
        try:
            look_at_all([one], refuse)
        except PrefectUnavailable:
            continue
    for now in range(8, 16):
        clock[0] = float(now)
        look_at_all([one], sent.extend)
    assert [event.name for event in sent] == [FILE_ARRIVED, ARRIVALS_SETTLED]


def test_names_are_shown_escaped_and_never_trusted(landing, watch):
    (landing / "sales_\u202egnp.csv").write_text("id\n1\n")
    (landing / "sales_ñ.csv").write_text("id\n1\n")
    events = looks(watch(), 0, 10)
    assert [event.payload.get("file") for event in events[:-1]] == ["sales_\\xf1.csv"]


def test_a_far_folder_in_which_a_file_has_come_is_looked_at_again_soon(landing, lake, shop):
    class Far:
        def __init__(self):
            self.near, self.looked = LocalFolder(landing), []

        def listing(self, table):
            self.looked.append(clock[0])
            return self.near.listing(table)

        def close(self):
            pass

    clock, far = [0.0], Far()
    catalog = Catalog(domain="shop", tables=shop)
    one = DomainWatch.of(catalog, lake, lambda _table: far, print, times=TIMES, poll_seconds=10)
    woken = []
    for half_seconds in range(60):
        clock[0] = half_seconds / 2
        if half_seconds == 19:
            (landing / "sales.csv").write_text("id\n1\n")
        woken += [clock[0] for event in one.look(clock[0]) if event.name == ARRIVALS_SETTLED]
    assert far.looked == [0.0, 10.0, 11.0, 21.0]
    assert woken == [12.0]
