"""Files that Spark wrote become views of the warehouse, whole or not at all."""

from pathlib import Path

import duckdb
import pytest

from lakehouse.errors import LakeDamaged
from lakehouse.transform.spark.built_tables import (
    adopt_tables,
    adopted_tables,
    remove_unused,
    written_tables,
)


@pytest.fixture
def warehouse():
    connection = duckdb.connect()
    connection.execute("create schema etl")
    yield connection
    connection.close()


def write(build: Path, name: str, values: list[int], *, whole: bool = True) -> Path:
    """A table as Spark leaves it: two files and the mark that it ended."""
    schema, table = name.split(".")
    folder = build / "tables" / f"{schema}.db" / table
    folder.mkdir(parents=True)
    for part in (0, 1):
        rows = ", ".join(f"({value})" for value in values[part::2])
        source = f"(values {rows}) t(id)" if rows else "(select 1 as id limit 0)"
        duckdb.sql(f"copy (from {source}) to '{folder}/part-{part}.zstd.parquet'")
    if whole:
        (folder / "_SUCCESS").touch()
    return folder


def adopt(warehouse, root, build):
    shown = adopt_tables(warehouse, adopted_tables(warehouse), written_tables(build / "tables"))
    remove_unused(root, shown)
    return shown


def ids(warehouse, name):
    return sorted(value for (value,) in warehouse.execute(f"select id from {name}").fetchall())


def test_what_a_build_wrote_is_read_through_the_warehouse(warehouse, tmp_path):
    write(tmp_path / "b1", "core.mills", [1, 2, 3])
    write(tmp_path / "b1", "dq_audit.not_null_mills_id", [])
    adopt(warehouse, tmp_path, tmp_path / "b1")
    assert ids(warehouse, "core.mills") == [1, 2, 3]
    assert ids(warehouse, "dq_audit.not_null_mills_id") == []


def test_a_table_that_was_not_written_to_its_end_leaves_the_one_before(warehouse, tmp_path):
    old = write(tmp_path / "b1", "core.mills", [1])
    write(tmp_path / "b1", "core.wheels", [7])
    adopt(warehouse, tmp_path, tmp_path / "b1")
    half = write(tmp_path / "b2", "core.mills", [1, 2], whole=False)
    write(tmp_path / "b2", "core.wheels", [8])
    adopt(warehouse, tmp_path, tmp_path / "b2")
    assert ids(warehouse, "core.mills") == [1]
    assert ids(warehouse, "core.wheels") == [8]
    assert old.is_dir()
    assert not half.exists()
    assert not (tmp_path / "b1/tables/core.db/wheels").exists()


def test_the_second_build_takes_the_place_of_the_first_whose_files_go(warehouse, tmp_path):
    for build, values in (("b1", [1]), ("b2", [2])):
        write(tmp_path / build, "core.mills", values)
        adopt(warehouse, tmp_path, tmp_path / build)
    assert ids(warehouse, "core.mills") == [2]
    assert [path.name for path in tmp_path.iterdir()] == ["b2"]


def test_a_view_takes_the_place_of_a_table_that_duckdb_built(warehouse, tmp_path):
    warehouse.execute("create schema core; create table core.mills as select 9 as id")
    write(tmp_path / "b1", "core.mills", [1])
    adopt(warehouse, tmp_path, tmp_path / "b1")
    assert ids(warehouse, "core.mills") == [1]


def test_a_table_that_duckdb_built_since_is_not_sparks_any_more(warehouse, tmp_path):
    write(tmp_path / "b1", "core.mills", [1])
    write(tmp_path / "b1", "core.wheels", [7])
    adopt(warehouse, tmp_path, tmp_path / "b1")
    warehouse.execute("drop view core.mills; create table core.mills as select 9 as id")
    assert [table.name for table in adopted_tables(warehouse)] == ["wheels"]


def test_files_that_are_gone_are_told_before_a_build(warehouse, tmp_path):
    folder = write(tmp_path / "b1", "core.mills", [1])
    adopt(warehouse, tmp_path, tmp_path / "b1")
    folder.rename(tmp_path / "away")
    with pytest.raises(LakeDamaged, match=r"core\.mills: its files in .* are gone"):
        adopted_tables(warehouse)


def test_what_a_killed_build_left_is_removed_by_the_next(warehouse, tmp_path):
    write(tmp_path / "b1", "core.mills", [1])
    shown = adopt(warehouse, tmp_path, tmp_path / "b1")
    write(tmp_path / "killed", "core.mills", [5], whole=False)
    (tmp_path / "killed/etl/load_log").mkdir(parents=True)
    remove_unused(tmp_path, shown)
    assert [path.name for path in tmp_path.iterdir()] == ["b1"]
    assert ids(warehouse, "core.mills") == [1]
