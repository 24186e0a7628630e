"""Loads of a MySQL database: one snapshot, new rows only, key ranges, nothing twice."""

import resource
from collections.abc import Callable
from contextlib import suppress

import pytest
from servers.database_source import DatabaseSource, loaded_rows

from lakehouse.errors import CatalogInvalid, ResourcesExhausted
from lakehouse.progress import Progress

pytestmark = pytest.mark.integration

COLUMNS = {"id": "integer", "name": "varchar"}


def fill(source: DatabaseSource, name: str = "items", rows: int = 5_000) -> None:
    source.run(
        f"create table {name} (id int primary key, name varchar(40))",
        f"insert into {name} select seq, concat('name ', seq) from seq_1_to_{rows}",
    )


def while_reading(source: DatabaseSource, *statements: str) -> Callable[[Progress], None]:
    """What runs the statements once, when the first rows of the first table came."""
    left = [statements]

    def listen(progress: Progress) -> None:
        if progress.done:
            with suppress(IndexError):
                source.run(*left.pop())

    return listen


def test_all_tables_are_read_as_they_were_at_one_moment(mysql_source: DatabaseSource) -> None:
    fill(mysql_source, "orders")
    fill(mysql_source, "order_lines")
    tables = [mysql_source.table(name, COLUMNS) for name in ("orders", "order_lines")]
    writer = while_reading(
        mysql_source,
        "insert into orders values (5001, 'late')",
        "insert into order_lines values (5001, 'late'), (5002, 'late')",
        "delete from order_lines where id < 100",
    )
    assert loaded_rows(mysql_source.load(*tables, on_progress=writer)) == [5_000, 5_000]
    assert mysql_source.run("select count(*) from order_lines") == [(4_903,)]
    assert loaded_rows(mysql_source.load(*tables)) == [5_001, 4_903]


def test_the_same_rows_again_are_known_and_stored_once(mysql_source: DatabaseSource) -> None:
    fill(mysql_source)
    table = mysql_source.table("items", COLUMNS)
    (first,) = mysql_source.load(table)
    (second,) = mysql_source.load(table)
    assert [first.deliveries[0].status, second.deliveries[0].status] == ["loaded", "known"]
    assert len(mysql_source.files()) == 1
    mysql_source.run("update items set name = 'other' where id = 4999")
    (third,) = mysql_source.load(table)
    assert third.deliveries[0].status == "loaded"
    assert len(mysql_source.files()) == 2


def test_a_snapshot_that_lost_most_rows_is_refused_and_kept_as_a_note(
    mysql_source: DatabaseSource,
) -> None:
    fill(mysql_source)
    table = mysql_source.table("items", COLUMNS)
    mysql_source.load(table)
    mysql_source.run("delete from items where id > 100")
    (load,) = mysql_source.load(table)
    assert load.deliveries[0].status == "quarantined"
    kept = list(mysql_source.lake.settings.quarantine.rglob("*.*"))
    assert [path.name for path in kept] == ["reason.json"]
    assert '"rows": 100' in kept[0].read_text("utf-8")
    newest = mysql_source.lake.ledger.newest_load(table)
    assert newest is not None
    assert newest.rows_loaded == 5_000


def test_a_table_without_rows_is_a_snapshot_too(mysql_source: DatabaseSource) -> None:
    mysql_source.run("create table items (id int primary key, name varchar(40))")
    table = mysql_source.table("items", COLUMNS)
    (load,) = mysql_source.load(table)
    assert (load.deliveries[0].status, load.rows_loaded) == ("loaded", 0)
    assert mysql_source.raw(table, "select * from raw.items") == []


def test_columns_that_nobody_declared_are_loaded_and_told(mysql_source: DatabaseSource) -> None:
    mysql_source.run(
        "create table items (ID int primary key, name varchar(9), extra decimal(5,2))",
        "insert into items values (1, '', 1.50)",
    )
    table = mysql_source.table("items", COLUMNS)
    (load,) = mysql_source.load(table)
    assert "extra" in load.findings[0]
    assert mysql_source.raw(table, "select id, name, extra from raw.items") == [(1, "", "1.50")]


EVENTS = {"id": "integer", "at": "timestamp", "name": "varchar"}


def events(source: DatabaseSource, **meta: object) -> None:
    source.run(
        "create table events (id int primary key, at datetime(6), name varchar(20))",
        "insert into events values (1, '2024-01-01 10:00:00.000001', 'a'), "
        "(2, '2024-01-01 11:00:00.5', 'b'), (3, null, 'no time')",
    )


def test_an_incremental_load_takes_what_is_new_and_the_last_value_again(
    mysql_source: DatabaseSource,
) -> None:
    events(mysql_source)
    table = mysql_source.table(
        "events", EVENTS, load="incremental", key=["id"], cursor="at", overlap=0
    )
    (first,) = mysql_source.load(table)
    assert first.rows_loaded == 3
    assert "1 rows have no at" in first.findings[0]
    assert mysql_source.lake.ledger.cursor(table) == "2024-01-01 11:00:00.500000"
    mysql_source.run(
        "insert into events values (4, '2024-01-01 11:00:00.5', 'same moment'), "
        "(5, '2024-01-01 10:59:59', 'too late'), (6, '2024-01-02 00:00:00', 'new')"
    )
    (second,) = mysql_source.load(table)
    assert second.rows_loaded == 3
    assert mysql_source.lake.ledger.cursor(table) == "2024-01-02 00:00:00.000000"
    (third,) = mysql_source.load(table)
    assert third.rows_loaded == 1
    (fourth,) = mysql_source.load(table)
    assert fourth.deliveries[0].status == "known"
    found = mysql_source.raw(table, "select distinct id from raw.events order by 1")
    assert found == [(1,), (2,), (3,), (4,), (6,)]


def test_moments_overlap_by_minutes_unless_told_otherwise(mysql_source: DatabaseSource) -> None:
    events(mysql_source)
    table = mysql_source.table("events", EVENTS, load="incremental", key=["id"], cursor="at")
    mysql_source.load(table)
    mysql_source.run(
        "insert into events values (4, '2024-01-01 10:55:00', 'too late'), "
        "(5, '2024-01-01 10:55:00.6', 'stamped early')"
    )
    assert loaded_rows(mysql_source.load(table)) == [2]
    found = mysql_source.raw(table, "select distinct id from raw.events order by 1")
    assert found == [(1,), (2,), (3,), (5,)]


def test_an_overlap_reads_what_came_late(mysql_source: DatabaseSource) -> None:
    events(mysql_source)
    table = mysql_source.table(
        "events", EVENTS, load="incremental", key=["id"], cursor="at", overlap=3600
    )
    mysql_source.load(table)
    mysql_source.run(
        "insert into events values (4, '2024-01-01 10:00:00.4', 'too late'), "
        "(5, '2024-01-01 10:00:00.5', 'late')"
    )
    (second,) = mysql_source.load(table)
    assert second.rows_loaded == 2
    assert mysql_source.raw(table, "select distinct id from raw.events order by 1") == [
        (1,),
        (2,),
        (3,),
        (5,),
    ]


def test_an_incremental_load_without_new_rows_delivers_nothing(
    mysql_source: DatabaseSource,
) -> None:
    mysql_source.run("create table events (id int primary key, at datetime, name varchar(20))")
    table = mysql_source.table("events", EVENTS, load="incremental", key=["id"], cursor="at")
    (load,) = mysql_source.load(table)
    assert load.deliveries == ()
    assert mysql_source.lake.ledger.cursor(table) is None


@pytest.mark.parametrize(
    ("server_type", "declared", "values", "overlap"),
    [
        ("bigint unsigned", "ubigint", ("1", "18446744073709551615"), 0.0),
        ("int", "integer", ("-7", "3"), 5.0),
        ("decimal(12,2)", "decimal(12,2)", ("-1.50", "2.25"), 0.25),
        ("date", "date", ("'2024-01-01'", "'2024-03-01'"), 86_400.0),
        ("timestamp(6)", "timestamptz", ("'2024-01-01'", "'2024-01-01 00:00:01.5'"), 1.5),
        ("varchar(20)", "varchar", ("'a'", r"'b\\''s % \"'"), 0.0),
        ("double", "double", ("0.1", "0.30000000000000004"), 0.0),
        ("year", "smallint", ("1999", "2024"), 0.0),
    ],
)
def test_cursors_of_any_type_begin_where_the_last_load_ended(
    mysql_source: DatabaseSource,
    server_type: str,
    declared: str,
    values: tuple[str, str],
    overlap: float,
) -> None:
    mysql_source.run(
        f"create table t (id int primary key, c {server_type})",
        f"insert into t values (1, {values[0]}), (2, {values[1]})",
    )
    table = mysql_source.table(
        "t",
        {"id": "integer", "c": declared},
        load="incremental",
        key=["id"],
        cursor="c",
        overlap=overlap,
    )
    mysql_source.load(table)
    mysql_source.run(f"insert into t values (3, {values[1]})")
    (second,) = mysql_source.load(table)
    assert second.rows_loaded == (3 if server_type.startswith("timestamp") else 2)


def test_key_ranges_bring_what_the_plain_read_brings(mysql_source: DatabaseSource) -> None:
    fill(mysql_source, rows=4_321)
    mysql_source.run("insert into items values (-5, 'low'), (2000000000, 'far away')")
    plain = mysql_source.table("items", COLUMNS)
    ranges = mysql_source.table("in_ranges", COLUMNS, relation="items", connections=4)
    assert loaded_rows(mysql_source.load(plain, ranges)) == [4_323, 4_323]
    query = "select id, name from raw.{} order by id"
    assert mysql_source.raw(plain, query.format("items")) == mysql_source.raw(
        ranges, query.format("in_ranges")
    )


def test_rows_without_a_value_in_the_range_column_are_read_once(
    mysql_source: DatabaseSource,
) -> None:
    mysql_source.run(
        "create table items (id int primary key, name varchar(40), shop int)",
        "insert into items select seq, seq, if(seq % 3 = 0, null, seq % 50) from seq_1_to_900",
    )
    table = mysql_source.table("items", COLUMNS, connections=3, range_column="shop")
    (load,) = mysql_source.load(table)
    assert load.rows_loaded == 900
    assert mysql_source.raw(table, "select count(distinct id) from raw.items") == [(900,)]
    table = mysql_source.table("items", COLUMNS, connections=3, range_column="name")
    with pytest.raises(CatalogInvalid, match="name is no integer column"):
        mysql_source.load(table)


@pytest.mark.parametrize(
    ("rights", "note"),
    [
        ("reload on *.*", False),
        ("lock tables on *.*", False),
        ("select on `{database}`.items", True),
    ],
)
def test_connections_share_a_snapshot_where_the_user_may(
    mysql_source: DatabaseSource, rights: str, note: bool
) -> None:
    fill(mysql_source)
    database = mysql_source.url.database
    user = f"reader_{rights.split(maxsplit=1)[0]}"
    mysql_source.run(
        f"create or replace user {user}@'127.0.0.1' identified by 'pw'",
        f"grant select on `{database}`.* to {user}@'127.0.0.1'",
        f"grant {rights.format(database=database)} to {user}@'127.0.0.1'",
    )
    reader = DatabaseSource(mysql_source.url.set(username=user, password="pw"), mysql_source.lake)
    writer = while_reading(
        mysql_source, "delete from items where id < 4000", "insert into items values (0, 'late')"
    )
    (load,) = reader.load(reader.table("items", COLUMNS, connections=3), on_progress=writer)
    assert load.rows_loaded == 5_000
    assert bool(load.findings) == note, load.findings
    if note:
        assert "1 of 3 connections" in load.findings[0]


def test_two_runs_read_a_source_one_after_the_other(mysql_source: DatabaseSource) -> None:
    fill(mysql_source)
    table = mysql_source.table("items", COLUMNS)
    leftover = mysql_source.lake.settings.scratch / ".databases" / "shop" / "dead" / "x.parquet"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")
    mysql_source.load(table)
    assert len(mysql_source.files()) == 1


def test_a_disk_that_is_full_leaves_nothing(mysql_source: DatabaseSource) -> None:
    fill(mysql_source, rows=60_000)
    table = mysql_source.table("items", COLUMNS)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    mysql_source.lake.ledger.newest_load(table)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(ResourcesExhausted, match="disk"):
            mysql_source.load(table)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert mysql_source.files() == []
    assert mysql_source.lake.ledger.newest_deliveries(table) == {}
    assert loaded_rows(mysql_source.load(table)) == [60_000]
