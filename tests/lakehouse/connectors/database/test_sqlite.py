"""A SQLite file as a source: opened for reading only, read as it was at one moment."""

import sqlite3
import threading
from contextlib import closing

import pytest

from lakehouse.connectors.database.engine import make_engine
from lakehouse.connectors.database.sqlite.dialect import Sqlite
from lakehouse.connectors.database.sqlite.types import StorageClasses, server_column
from lakehouse.errors import (
    CatalogInvalid,
    DatabaseRefused,
    DatabaseUnavailable,
    RelationMissing,
    SchemaChanged,
)


def test_a_table_or_column_that_is_not_there_names_those_that_are(write, load_one, make_table):
    write("create table clientes (id integer primary key, nombre text)")
    with pytest.raises(RelationMissing, match=r"no table or view pedidos\. There is: clientes\."):
        load_one(make_table("pedidos", {"id": "bigint"}))
    with pytest.raises(SchemaChanged, match=r"has no column mail\. It has: id, nombre"):
        load_one(make_table("clientes", {"id": "bigint", "mail": "varchar"}))


def test_a_file_that_is_not_there_is_named_and_never_made(file, load_one, make_table):
    with pytest.raises(DatabaseRefused) as raised:
        load_one(make_table("t", {"id": "bigint"}))
    assert f"There is no SQLite file {file}" in str(raised.value)
    assert not file.exists()


def test_a_file_that_is_no_database_is_refused(file, load_one, make_table):
    file.write_text("nothing like a database, but long enough to have a header" * 50)
    with pytest.raises(DatabaseRefused, match="The file is no SQLite database"):
        load_one(make_table("t", {"id": "bigint"}))


def test_a_source_is_opened_for_reading_only(url, write):
    write("create table t (id integer)")
    with (
        make_engine(url).connect() as connection,
        pytest.raises(DatabaseRefused, match="readonly"),
        Sqlite().faults(),
    ):
        connection.exec_driver_sql("insert into t values (1)")


def test_a_locked_file_is_worth_another_try(file, write, monkeypatch, load_one, make_table):
    monkeypatch.setattr("lakehouse.connectors.database.engine.CONNECT_SECONDS", 0.05)
    write("create table t (id integer)")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("begin exclusive")
        with pytest.raises(DatabaseUnavailable, match="database is locked"):
            load_one(make_table("t", {"id": "bigint"}))


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_two_tables_are_read_as_they_were_at_one_moment(url, file, write, journal):
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"pragma journal_mode = {journal}")
    write("create table orders (id integer)", "create table lines (id integer)")
    begun, stop = threading.Event(), threading.Event()

    def insert() -> None:
        with closing(sqlite3.connect(file, timeout=0.01, isolation_level=None)) as connection:
            while not stop.is_set():
                try:
                    connection.execute("begin immediate")
                    connection.execute("insert into orders values (1)")
                    connection.execute("insert into lines values (1)")
                    connection.execute("commit")
                    begun.set()
                    stop.wait(0.005)
                except sqlite3.OperationalError:
                    if connection.in_transaction:
                        connection.execute("rollback")

    writer = threading.Thread(target=insert)
    writer.start()
    try:
        assert begun.wait(10)
        counts = []
        for _ in range(5):
            with Sqlite().snapshot(make_engine(url), 4) as (connection,):
                orders = connection.exec_driver_sql("select count(*) from orders").scalar_one()
                lines = connection.exec_driver_sql("select count(*) from lines").scalar_one()
                again = connection.exec_driver_sql("select count(*) from orders").scalar_one()
                counts.append((orders, lines, again))
    finally:
        stop.set()
        writer.join()
    assert all(orders == lines == again for orders, lines, again in counts)


INCREMENTAL = {"id": "bigint", "updated_at": "timestamp", "city": "varchar"}


def test_an_incremental_table_reads_on_from_its_cursor_with_overlap(
    write, lake, load_one, make_table
):
    write("create table t (id integer primary key, updated_at datetime, city text)")
    rows = [(n, f"2024-01-01 10:00:{n:02}", "Salta") for n in range(30)]
    write(("insert into t values (?, ?, ?)", [*rows, (99, None, "nowhere")]))
    table = make_table(
        "t", INCREMENTAL, load="incremental", key=["id"], cursor="updated_at", overlap=10
    )
    first = load_one(table)
    assert first.rows_loaded == 31
    assert "1 rows have no updated_at" in "".join(first.findings)
    assert lake.ledger.cursor(table) == "2024-01-01 10:00:29"
    write("update t set updated_at = '2024-01-01 10:01:00', city = 'Jujuy' where id = 3")
    second = load_one(table)
    # Ten seconds before the cursor, and the changed row.
    assert second.deliveries[0].rows_loaded == 12
    assert lake.ledger.cursor(table) == "2024-01-01 10:01:00"


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("2024-03-02", "2024-02-29"),
        ("2024-03-01 00:00:05", "2024-02-28 23:59:55"),
        ("2024-03-01T00:00:05Z", "2024-02-28T23:59:55Z"),
        ("2024-03-01T00:00", "2024-02-28T23:59"),
        ("2024-03-01 00:00:05.123+02:00", "2024-02-28 23:59:55+02:00"),
    ],
)
def test_an_overlap_of_text_keeps_the_form_of_the_text(stored, expected):
    held = StorageClasses(integer=False, real=False, text=True, blob=False)
    column = server_column("c", "datetime", held, nullable=True)
    literal = Sqlite().literal(column, stored)
    assert Sqlite().before(column, literal, 86_410) == f"'{expected}'"
    assert Sqlite().before(column, literal, 0) == literal


def test_a_cursor_over_mixed_values_is_refused(write, load_one, make_table):
    write(
        "create table t (id integer primary key, seen)",
        ("insert into t values (?, ?)", [(1, 5), (2, "2024-01-01")]),
    )
    columns = {"id": "bigint", "seen": "varchar"}
    table = make_table("t", columns, load="incremental", key=["id"], cursor="seen")
    load_one(table)
    with pytest.raises(CatalogInvalid, match="Column seen holds other values than text"):
        load_one(table)


def test_the_same_table_loaded_twice_is_known(write, load_one, make_table):
    write("create table t (id integer primary key)", "insert into t values (1), (2)")
    table = make_table("t", {"id": "bigint"})
    statuses = [load_one(table).deliveries[0].status for _ in range(2)]
    assert statuses == ["loaded", "known"]
