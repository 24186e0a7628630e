from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.connectors.file_store import FoundFile, files_of, is_usable
from lakehouse.source_catalog import Table


def make_table(**meta) -> Table:
    return Table.model_validate(
        {
            "source": "shop_sftp",
            "name": "payments",
            "connector": "sftp",
            "block": "shop-sftp",
            "schema_name": "raw",
            "meta": {"load": "append", **meta},
            "columns": [{"name": "a"}],
            "file": Path("_shop__sources.yml"),
        }
    )


def listing(*names: str) -> list[FoundFile]:
    return [FoundFile(name, 4, 1) for name in names]


def names(files) -> list[str]:
    return [file.name for file in files]


def test_a_file_counts_only_beside_its_ready_marker():
    table = make_table(pattern="*.csv", ready_marker="{name}.ok")
    found = files_of(table, listing("a.csv", "a.csv.ok", "b.csv", "c.csv.ok"))
    assert names(found.files) == ["a.csv"]
    assert names(found.unready) == ["b.csv"]


def test_a_marker_is_no_delivery_even_where_the_pattern_fits_it():
    table = make_table(pattern="*", ready_marker="ok_{name}")
    found = files_of(table, listing("a.csv", "ok_a.csv"))
    assert names(found.files) == ["a.csv"]
    assert found.unready == ()


def test_a_marker_may_have_a_name_that_is_never_a_delivery():
    table = make_table(pattern="*", ready_marker=".{name}.tmp")
    assert names(files_of(table, listing("a.csv", ".a.csv.tmp")).files) == ["a.csv"]


@pytest.mark.parametrize(
    "name",
    ["../a.csv", "/etc/a.csv", "x/../a.csv", "..\\a.csv", "a\x00.csv", "a\n.csv", "\udcf1.csv"],
)
def test_a_name_that_could_lead_elsewhere_is_told_and_never_a_delivery(name):
    found = files_of(make_table(pattern="*.csv"), listing(name, "good.csv"))
    assert names(found.files) == ["good.csv"]
    assert len(found.unusable) == 1
    assert found.unusable[0].isprintable()


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_names_that_name_no_file_are_never_usable(name):
    assert not is_usable(name)


@given(st.text())
def test_a_usable_name_always_names_something_directly_in_its_folder(name):
    if is_usable(name):
        assert Path("/folder", name).parent == Path("/folder")
        assert name.isprintable()
        assert name.encode("utf-8")
