"""A MySQL server that refuses, goes away or is restarted while it is read."""

import logging
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from servers.database_source import DatabaseSource
from servers.mariadb import MariaDbServer, connect_to
from sqlalchemy import URL

from lakehouse.connectors.database.engine import make_engine
from lakehouse.errors import (
    AljibeError,
    DatabaseRefused,
    DatabaseUnavailable,
    PermanentError,
    RelationMissing,
    SchemaChanged,
)
from lakehouse.progress import Progress

pytestmark = pytest.mark.integration

COLUMNS = {"id": "integer", "name": "varchar"}
PASSWORD = "s3cr3t-never-shown"


def fill(source: DatabaseSource, rows: int = 300_000) -> None:
    source.run(
        "create table items (id int primary key, name varchar(100))",
        f"insert into items select seq, repeat('x', 80) from seq_1_to_{rows}",
    )


def once_reading(action: Callable[[], object]) -> Callable[[Progress], None]:
    """What does something once, when the first rows came."""
    left = [action]

    def listen(progress: Progress) -> None:
        if progress.done and left:
            left.pop()()

    return listen


def kill_readers(source: DatabaseSource, how: str) -> None:
    with connect_to(source.url) as session, session.cursor() as cursor:
        cursor.execute("select connection_id()")
        ((own,),) = cursor.fetchall()
        cursor.execute(
            "select id from information_schema.processlist where db = %s and id <> %s",
            (source.url.database, own),
        )
        for (reader,) in cursor.fetchall():
            cursor.execute(f"kill {how} {reader}")


@pytest.mark.parametrize(
    ("connections", "how"), [(1, "connection"), (1, "query"), (3, "connection")]
)
def test_a_reader_that_is_killed_loads_nothing_and_the_next_run_everything_once(
    mysql_source: DatabaseSource, caplog: pytest.LogCaptureFixture, how: str, connections: int
) -> None:
    fill(mysql_source)
    table = mysql_source.table("items", COLUMNS, connections=connections)
    with pytest.raises(DatabaseUnavailable, match=r"shop\.items"), caplog.at_level(logging.ERROR):
        mysql_source.load(table, on_progress=once_reading(lambda: kill_readers(mysql_source, how)))
    assert caplog.records == []
    assert mysql_source.files() == []
    assert mysql_source.lake.ledger.newest_deliveries(table) == {}
    (load,) = mysql_source.load(table)
    assert load.rows_loaded == 300_000
    assert mysql_source.raw(table, "select count(distinct id), count(*) from raw.items") == [
        (300_000, 300_000)
    ]


def test_a_server_that_is_restarted_loads_nothing_and_the_next_run_everything_once(
    mysql_source: DatabaseSource, mariadb_server: MariaDbServer
) -> None:
    fill(mysql_source)
    table = mysql_source.table("items", COLUMNS)
    begun, restarted = threading.Event(), threading.Event()

    def wait_for_restart() -> None:
        begun.set()
        restarted.wait(60)

    # The server dies with the thread that starts it, so this one does.
    with ThreadPoolExecutor(1) as thread:
        loading = thread.submit(
            mysql_source.load, table, on_progress=once_reading(wait_for_restart)
        )
        assert begun.wait(60)
        mariadb_server.restart()
        restarted.set()
        with pytest.raises(DatabaseUnavailable):
            loading.result()
    assert mysql_source.files() == []
    (load,) = mysql_source.load(table)
    assert load.rows_loaded == 300_000


def test_a_server_that_does_not_answer_is_worth_another_try(mysql_source: DatabaseSource) -> None:
    nobody = DatabaseSource(mysql_source.url.set(port=1), mysql_source.lake)
    with pytest.raises(DatabaseUnavailable, match="shop, block shop-database"):
        nobody.load(nobody.table("items", COLUMNS))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": PASSWORD}, "Correct user and password"),
        ({"username": "nobody", "password": PASSWORD}, "Correct user and password"),
        ({"database": "no_such_database"}, "no_such_database"),
    ],
)
def test_what_the_server_refuses_is_permanent_and_shows_no_password(
    mysql_source: DatabaseSource, change: dict[str, str], said: str
) -> None:
    url: URL = mysql_source.url.set(**change)  # type: ignore[arg-type]
    refused = DatabaseSource(url, mysql_source.lake)
    with pytest.raises(DatabaseRefused, match=said) as caught:
        refused.load(refused.table("items", COLUMNS))
    assert_no_secret(caught.value, url.password or "")
    assert (url.password or "-") not in repr(make_engine(url))


def assert_no_secret(error: AljibeError, secret: str) -> None:
    """Neither message nor representation nor the whole traceback, with its causes, has it."""
    said = "".join(traceback.format_exception(error)) + repr(error) + str(error)
    assert secret not in said
    assert error.__cause__ is None


@pytest.mark.parametrize("password", ["clave-Ñandú/muy@secreta", "пароль", "p'w\"\\"])
def test_a_password_may_have_any_letters(mysql_source: DatabaseSource, password: str) -> None:
    mysql_source.run("create table items (id int primary key, name varchar(9))")
    with connect_to(mysql_source.url) as session, session.cursor() as cursor:
        cursor.execute("create or replace user letters@'127.0.0.1' identified by %s", (password,))
        cursor.execute("grant select on *.* to letters@'127.0.0.1'")
    guest = replace(mysql_source, url=mysql_source.url.set(username="letters", password=password))
    (load,) = guest.load(guest.table("items", COLUMNS))
    assert load.rows_loaded == 0


def test_a_user_without_rights_is_refused(mysql_source: DatabaseSource) -> None:
    fill(mysql_source, rows=1)
    mysql_source.run("create or replace user poor@'127.0.0.1' identified by 'pw'")
    database = mysql_source.url.database
    mysql_source.run(f"grant insert on `{database}`.items to poor@'127.0.0.1'")
    poor = DatabaseSource(mysql_source.url.set(username="poor", password="pw"), mysql_source.lake)
    with pytest.raises(PermanentError, match="SELECT"):
        poor.load(poor.table("items", COLUMNS))


def test_a_table_that_is_missing_names_those_that_are_there(mysql_source: DatabaseSource) -> None:
    fill(mysql_source, rows=1)
    with pytest.raises(RelationMissing, match=r"shop\.gone: .* gone\. There is: items\."):
        mysql_source.load(mysql_source.table("gone", COLUMNS))


def test_a_column_that_is_missing_names_those_that_are_there(mysql_source: DatabaseSource) -> None:
    fill(mysql_source, rows=1)
    with pytest.raises(SchemaChanged, match=r"has no column price\. It has: id, name\."):
        mysql_source.load(mysql_source.table("items", {**COLUMNS, "price": "double"}))


def test_a_table_that_changes_while_it_is_read_is_worth_another_try(
    mysql_source: DatabaseSource,
) -> None:
    mysql_source.run(
        "create table items (id int primary key, name varchar(100)) engine = myisam",
        "insert into items select seq, repeat('x', 80) from seq_1_to_300000",
    )
    table = mysql_source.table("items", COLUMNS)

    # The server keeps writers off a MyISAM table while it sends rows: after the last is in time.
    def insert_at_end(progress: Progress) -> None:
        if progress.done == 300_000 and progress.total is None:
            mysql_source.run("insert ignore into items values (0, 'late')")

    with pytest.raises(DatabaseUnavailable, match="300000 rows were read"):
        mysql_source.load(table, on_progress=insert_at_end)
    assert mysql_source.files() == []
