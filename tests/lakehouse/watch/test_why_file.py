"""Why a file is taken or not."""

import pytest

from lakehouse.connectors.folder import LocalFolder
from lakehouse.lake.load_file import load_file
from lakehouse.lake.pending_files import look_for_files
from lakehouse.watch.why_file import name_fits, why_file


@pytest.fixture
def table(make_table):
    return make_table("sales", settle_seconds=0, ready_marker="{name}.ok")


@pytest.fixture
def why(lake, landing, table):
    def explain(name: str, pause=lambda _seconds: None):
        return why_file(LocalFolder(landing), table, name, lake, pause=pause)

    return explain


def put(landing, name: str, text: str = "id\n1\n", marker: bool = True) -> None:
    (landing / name).write_text(text)
    if marker:
        (landing / f"{name}.ok").touch()


def run(landing, table, lake) -> None:
    for file in look_for_files(LocalFolder(landing), table, lake).files:
        if file.pending:
            load_file(landing, file.found, table, lake)


def test_a_name_that_no_pattern_takes_does_not_fit(table):
    assert name_fits(table, "sales_1.csv")
    assert name_fits(table, "sales_1.csv.part")
    assert not name_fits(table, "ventas.csv")


def test_a_complete_new_file_is_taken_by_the_next_run(landing, why):
    put(landing, "sales.csv")
    assert (why("sales.csv").taken, why("sales.csv").text) == (
        True,
        "it is complete and new: the next run takes it",
    )


def test_each_obstacle_is_named(landing, why):
    put(landing, "sales.csv", marker=False)
    assert "marker sales.csv.ok is not there" in why("sales.csv").text
    put(landing, "sales_2.csv.part")
    assert "still being sent" in why("sales_2.csv.part").text
    assert "no run has seen it" in why("sales_3.csv").text
    put(landing, "sales_4.csv")
    growing = why("sales_4.csv", pause=lambda _s: put(landing, "sales_4.csv", "id\n1\n2\n"))
    assert "still being sent" in growing.text
    put(landing, "sales_\u200f.csv")
    assert "rename it" in why("sales_\u200f.csv").text
    assert not any(why(name).taken for name in ("sales.csv", "sales_2.csv.part", "sales_3.csv"))


def test_a_loaded_a_known_and_a_refused_file_say_when_and_why(landing, table, lake, why):
    put(landing, "sales_a.csv")
    put(landing, "sales_b.csv")
    put(landing, "sales_c.csv", "wrong\n1\n")
    run(landing, table, lake)
    assert "it was loaded on" in why("sales_a.csv").text
    assert "its content was in the lake already" in why("sales_b.csv").text
    refused = why("sales_c.csv")
    assert not refused.taken
    assert "it was refused on" in refused.text
    assert "aljibe quarantine show 3" in refused.text
    (landing / "sales_a.csv").unlink()
    assert "any more; it was loaded on" in why("sales_a.csv").text
    assert why("sales_a.csv").taken
    put(landing, "sales_c.csv", "id\n7\n")
    assert why("sales_c.csv").text.startswith("it is complete and new")
    assert "it was refused on" in why("sales_c.csv").text
