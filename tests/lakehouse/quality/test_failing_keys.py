import duckdb
import pytest

from lakehouse.quality import failing_keys
from lakehouse.quality.failing_keys import key_hash, read_keys
from lakehouse.quality.row_selection import RowSelection
from lakehouse.quality.warehouse_catalog import WarehouseCatalog

ROWS = [("V1", "ana", 1, "a.csv"), ("V1", "eva", 2, "b.csv"), (None, "", 3, "b.csv")]


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        opened.execute("create table t (id varchar, name varchar, n integer, _source_file varchar)")
        opened.executemany("insert into t values (?, ?, ?, ?)", ROWS)
        yield opened


def make_selection(connection, masked: frozenset[str] = frozenset()) -> RowSelection:
    shape = WarehouseCatalog(connection).find(None, "main", "t")
    return RowSelection(shape, shape.sql, (), masked)


def test_rows_of_one_key_are_one_entry_with_their_count(connection):
    found = read_keys(connection, make_selection(connection), ("ID",))
    assert found.complete
    assert sorted((key.label, key.rows) for key in found.keys) == [("", 1), ("V1", 2)]


def test_a_masked_column_is_bullets_in_the_label_and_part_of_the_hash(connection):
    selection = make_selection(connection, frozenset({"name"}))
    found = read_keys(connection, selection, ("id", "name"))
    assert {key.label for key in found.keys} == {"V1, ••••••", ", ••••••"}
    assert len({key.row_key for key in found.keys}) == 3


def test_without_a_key_the_same_row_of_another_file_is_the_same_row(connection):
    connection.execute("insert into t values ('V1', 'ana', 1, 'c.csv')")
    found = read_keys(connection, make_selection(connection), ())
    assert sorted(key.rows for key in found.keys) == [1, 1, 2]
    assert {key.label for key in found.keys} == {""}


def test_missing_and_empty_values_and_neighbours_are_told_apart(connection):
    shape = make_selection(connection).shape
    rows = [(None, "x"), ("", "x"), ("x", None), ("x", ""), ("-", "x"), ("xx", "")]
    hashes = [
        connection.execute(
            f"select {key_hash(shape, ('id', 'name'))} from (select ? as id, ? as name)", row
        ).fetchone()
        for row in rows
    ]
    assert len(set(hashes)) == len(rows)


def test_more_keys_than_are_followed_are_said_to_be_incomplete(connection, monkeypatch):
    monkeypatch.setattr(failing_keys, "MOST_KEYS", 1)
    found = read_keys(connection, make_selection(connection), ("id",))
    assert (len(found.keys), found.complete) == (1, False)
