"""Files that Spark wrote become views of the warehouse, whole or not at all."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from lakehouse.errors import LakeDamaged
from lakehouse.transform.spark.built_tables import (
    adopt_tables,
    adopted_tables,
    drop_seeds,
    new_build_folder,
    remove_unused,
    size_of,
    written_tables,
)

B1, B2, KILLED = (f"20260101T00000{number}-0123abcd" for number in range(3))


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
    write(tmp_path / B1, "core.mills", [1, 2, 3])
    write(tmp_path / B1, "dq_audit.not_null_mills_id", [])
    adopt(warehouse, tmp_path, tmp_path / B1)
    assert ids(warehouse, "core.mills") == [1, 2, 3]
    assert ids(warehouse, "dq_audit.not_null_mills_id") == []


def test_seeds_are_given_back_to_dbt_and_nothing_else(warehouse, tmp_path):
    write(tmp_path / B1, "core.mills", [1])
    write(tmp_path / B1, "staging.limits", [2])
    adopt(warehouse, tmp_path, tmp_path / B1)
    warehouse.execute("create table core.limits as select 3 as id")
    drop_seeds(warehouse, {"limits"})
    drop_seeds(warehouse, {"limits"})
    views = warehouse.execute("select view_name from duckdb_views() where not internal").fetchall()
    assert views == [("mills",)]
    assert ids(warehouse, "core.limits") == [3]


def test_a_table_that_was_not_written_to_its_end_leaves_the_one_before(warehouse, tmp_path):
    old = write(tmp_path / B1, "core.mills", [1])
    write(tmp_path / B1, "core.wheels", [7])
    adopt(warehouse, tmp_path, tmp_path / B1)
    half = write(tmp_path / B2, "core.mills", [1, 2], whole=False)
    write(tmp_path / B2, "core.wheels", [8])
    adopt(warehouse, tmp_path, tmp_path / B2)
    assert ids(warehouse, "core.mills") == [1]
    assert ids(warehouse, "core.wheels") == [8]
    assert old.is_dir()
    assert not half.exists()
    assert not (tmp_path / B1 / "tables/core.db/wheels").exists()


def test_the_second_build_takes_the_place_of_the_first_whose_files_go(warehouse, tmp_path):
    for build, values in ((B1, [1]), (B2, [2])):
        write(tmp_path / build, "core.mills", values)
        adopt(warehouse, tmp_path, tmp_path / build)
    assert ids(warehouse, "core.mills") == [2]
    assert [path.name for path in tmp_path.iterdir()] == [B2]


def test_a_view_takes_the_place_of_a_table_that_duckdb_built(warehouse, tmp_path):
    warehouse.execute("create schema core; create table core.mills as select 9 as id")
    write(tmp_path / B1, "core.mills", [1])
    adopt(warehouse, tmp_path, tmp_path / B1)
    assert ids(warehouse, "core.mills") == [1]


def test_a_table_that_duckdb_built_since_is_not_sparks_any_more(warehouse, tmp_path):
    write(tmp_path / B1, "core.mills", [1])
    write(tmp_path / B1, "core.wheels", [7])
    adopt(warehouse, tmp_path, tmp_path / B1)
    warehouse.execute("drop view core.mills; create table core.mills as select 9 as id")
    assert [table.name for table in adopted_tables(warehouse)] == ["wheels"]


def test_files_that_are_gone_are_told_before_a_build(warehouse, tmp_path):
    folder = write(tmp_path / B1, "core.mills", [1])
    adopt(warehouse, tmp_path, tmp_path / B1)
    folder.rename(tmp_path / "away")
    with pytest.raises(LakeDamaged, match=r"core\.mills: its files in .* are gone"):
        adopted_tables(warehouse)


def test_what_a_killed_build_left_is_removed_by_the_next(warehouse, tmp_path):
    write(tmp_path / B1, "core.mills", [1])
    shown = adopt(warehouse, tmp_path, tmp_path / B1)
    write(tmp_path / KILLED, "core.mills", [5], whole=False)
    (tmp_path / KILLED / "etl/load_log").mkdir(parents=True)
    remove_unused(tmp_path, shown)
    assert [path.name for path in tmp_path.iterdir()] == [B1]
    assert ids(warehouse, "core.mills") == [1]


def test_rows_and_bytes_of_a_table_are_those_of_its_files(warehouse, tmp_path):
    folder = write(tmp_path / B1, "core.mills", [1, 2, 3])
    (table,) = adopt(warehouse, tmp_path, tmp_path / B1)
    size = sum(path.stat().st_size for path in folder.glob("*.parquet"))
    assert size_of(warehouse, table) == (3, size)


def test_what_is_not_of_a_build_is_never_removed(warehouse, tmp_path):
    strangers = tmp_path / "not-of-spark" / "tables" / "x"
    strangers.mkdir(parents=True)
    write(tmp_path / B1, "core.mills", [1])
    remove_unused(tmp_path, [])
    assert strangers.is_dir()
    assert not (tmp_path / B1).exists()


def test_a_later_session_is_told_the_columns_of_what_was_built(warehouse, tmp_path):
    write(tmp_path / B1, "core.mills", [1])
    adopt(warehouse, tmp_path, tmp_path / B1)
    (table,) = adopted_tables(warehouse)
    assert table.columns == (("id", "int"),)


def test_folders_of_builds_are_new_and_known_as_such(warehouse, tmp_path):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    made = {new_build_folder(tmp_path, now) for _ in range(3)}
    assert len(made) == 3
    remove_unused(tmp_path, [])
    assert not any(tmp_path.iterdir())
