"""Bad days of a publication to PostgreSQL: wrong settings, kills, two at once, long readers."""

import os
import signal
import subprocess
import sys
import threading
import time

import duckdb
import psycopg
import pytest
from servers import killed_publication
from servers.child_process import free_port
from servers.published_domain import PublishedDomain

from lakehouse.errors import (
    PublishRefused,
    ServingRefused,
    ServingUnavailable,
)
from lakehouse.publish.postgres import copy_rows
from lakehouse.publish.postgres import publication as publication_module
from lakehouse.publish.postgres.published_state import build_shown_at, examine_serving
from lakehouse.publish.serving_copy import PublishedTable

pytestmark = pytest.mark.integration
BOTH = (
    "select (select max(version) from shop_marts.sales), "
    "(select max(version) from shop_marts.customers)"
)


@pytest.fixture
def shop(postgres_database, tmp_path) -> PublishedDomain:
    found = PublishedDomain(postgres_database, tmp_path)
    build(found, 1)
    return found


def build(shop: PublishedDomain, version: int, rows: int = 500) -> None:
    shop.build(
        f"create or replace table marts.sales as select {version} as version, range as id "
        f"from range({rows})",
        f"create or replace table marts.customers as select {version} as version, "
        f"'c' || range as customer from range({rows})",
    )


def shown(shop: PublishedDomain) -> list:
    """Version of each table in PostgreSQL, and in the serving copy."""
    (there,) = shop.run(BOTH)
    with duckdb.connect(str(shop.serving), read_only=True) as connection:
        (here,) = connection.execute(
            "select (select max(version) from marts.sales), "
            "(select max(version) from marts.customers)"
        ).fetchall()
    return [*there, *here]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"password": "top secret %41"}, "Correct user, password, database"),
        ({"database": "nowhere"}, "Correct user, password, database"),
        ({"username": "nobody"}, "Correct user, password, database"),
    ],
)
def test_a_wrong_setting_is_permanent_and_says_what_to_do(shop, change, what):
    wrong = shop.url.set(**change)
    for use in (lambda: shop.publish("sales", as_user=wrong), lambda: examine_serving(wrong)):
        with pytest.raises(ServingRefused, match=what) as told:
            use()
        assert "top secret" not in str(told.value)
        assert str(shop.url.password) not in str(told.value)
    assert not shop.serving.exists()


def test_a_user_who_may_not_create_schemas_is_told_what_to_grant(shop):
    small = shop.role(f"small_{shop.url.database}")
    with pytest.raises(ServingRefused, match="GRANT CREATE ON DATABASE"):
        shop.publish("sales", as_user=small)
    with pytest.raises(ServingRefused, match="GRANT CREATE ON DATABASE"):
        examine_serving(small)


def test_a_server_that_does_not_answer_is_worth_another_try(shop):
    away = shop.url.set(port=free_port())
    with pytest.raises(ServingUnavailable, match="cannot be opened"):
        shop.publish("sales", as_user=away)


def test_a_server_that_ends_the_session_leaves_the_old_state(shop, monkeypatch):
    shop.publish("sales", "customers")
    build(shop, 2)
    real = publication_module.load_beside

    def ended(session, source, table):
        real(session, source, table)
        shop.run(f"select pg_terminate_backend({session.info.backend_pid})")

    monkeypatch.setattr(publication_module, "load_beside", ended)
    with pytest.raises(ServingUnavailable):
        shop.publish("sales", "customers")
    assert shown(shop) == [1, 1, 1, 1]
    monkeypatch.undo()
    shop.publish("sales", "customers")
    assert shown(shop) == [2, 2, 2, 2]


@pytest.mark.parametrize("was_committed", [True, False])
def test_a_session_that_ends_while_it_commits_is_looked_up(shop, monkeypatch, was_committed):
    shop.publish("sales", "customers")
    build(shop, 2)

    def lost(session):
        if was_committed:
            session.commit()
        shop.run(f"select pg_terminate_backend({session.info.backend_pid})")
        session.execute("select 1")

    monkeypatch.setattr(publication_module, "show", lost)
    if was_committed:
        shop.publish("sales", "customers")
        assert shown(shop) == [2, 2, 2, 2]
    else:
        with pytest.raises(ServingUnavailable, match="Nothing was published"):
            shop.publish("sales", "customers")
        assert shown(shop) == [1, 1, 1, 1]


def test_a_server_that_is_away_after_the_commit_leaves_it_open_what_readers_have(shop, monkeypatch):
    shop.publish("sales", "customers")
    build(shop, 2)

    def lost(session):
        session.commit()
        shop.run(f"select pg_terminate_backend({session.info.backend_pid})")
        monkeypatch.setattr(publication_module, "serving_session", unreachable)
        session.execute("select 1")

    def unreachable(_url):
        raise ServingUnavailable("PostgreSQL: nobody answers.")

    monkeypatch.setattr(publication_module, "show", lost)
    with pytest.raises(ServingUnavailable, match=r"is not known\. The next run finds out") as told:
        shop.publish("sales", "customers")
    assert "Nothing was published" not in str(told.value)
    monkeypatch.undo()
    assert shop.publish("sales", "customers").changed == []
    assert shown(shop) == [2, 2, 2, 2]


def test_a_publication_that_is_interrupted_while_it_loads_leaves_nothing(shop, monkeypatch):
    shop.publish("sales", "customers")
    # More than the pipe holds: DuckDB still writes.
    shop.build(
        "create or replace table marts.sales as select 2 as version, repeat('x', 100) as name "
        "from range(100000)"
    )
    reads = []

    def interrupted(file: int, size: int) -> bytes:
        reads.append(size)
        if len(reads) == 3:
            raise KeyboardInterrupt
        return real(file, size)

    real = os.read
    monkeypatch.setattr(copy_rows.os, "read", interrupted)
    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        shop.publish("sales", "customers")
    monkeypatch.undo()
    assert threading.active_count() == threads
    assert shown(shop) == [1, 1, 1, 1]
    assert [path.name for path in shop.serving.parent.iterdir()] == ["shop.duckdb"]
    assert shop.run("select count(*) from pg_namespace where nspname like 'aljibe_next%'") == [(0,)]


def test_a_name_that_postgresql_would_cut_is_refused(shop):
    name = "n" * 64
    shop.build(f"create table marts.wide as select 1 as {name}")
    with pytest.raises(PublishRefused, match=r"at most 63 bytes, and n+ has 64"):
        shop.publish("wide")


def test_what_is_unchanged_is_not_loaded_again(shop):
    shop.publish("sales", "customers")
    shop.build("insert into marts.sales values (1, 1000)")
    look = "select 'shop_marts.sales'::regclass::oid, 'shop_marts.customers'::regclass::oid"
    ((sales, customers),) = shop.run(look)
    assert shop.publish("sales", "customers").changed == ["shop_marts.sales"]
    ((sales_now, customers_now),) = shop.run(look)
    assert (sales_now != sales, customers_now) == (True, customers)
    assert shop.publish("sales", "customers").changed == []
    # Another type of the same values is another content.
    shop.build("alter table marts.customers alter version type bigint")
    assert shop.publish("sales", "customers").changed == ["shop_marts.customers"]
    assert build_shown_at(shop.url, "shop") == "build 4"


def test_two_workers_never_publish_a_domain_at_once(shop, tmp_path, monkeypatch):
    shop.publish("sales", "customers")
    build(shop, 2)
    inside, go_on = threading.Event(), threading.Event()
    real = publication_module.load_beside

    def slow(session, source, table):
        inside.set()
        assert go_on.wait(60)
        real(session, source, table)

    monkeypatch.setattr(publication_module, "load_beside", slow)
    first = threading.Thread(target=lambda: shop.publish("sales", "customers"))
    first.start()
    assert inside.wait(60)
    monkeypatch.undo()
    other = PublishedDomain(
        shop.url, tmp_path / "other", builds=50, options={"domain_seconds": 0.3}
    )
    other.folder.mkdir()
    build(other, 3)
    with pytest.raises(ServingUnavailable, match="another worker has been publishing shop"):
        other.publish("sales", "customers")
    elsewhere = PublishedDomain(shop.url, tmp_path / "elsewhere", domain="mill")
    elsewhere.folder.mkdir()
    build(elsewhere, 1)
    # Another domain does not wait.
    elsewhere.publish("sales", "customers")
    go_on.set()
    first.join(60)
    assert shown(shop) == [2, 2, 2, 2]
    other.options["domain_seconds"] = 60
    other.publish("sales", "customers")
    assert shop.run(BOTH) == [(3, 3)]


def test_a_long_reader_is_named_and_does_not_hold_up_the_others(shop):
    shop.publish("sales", "customers")
    build(shop, 2)
    waits, slowest = [], []
    shop.options = {"lock_seconds": 3, "on_wait": waits.append}
    done = threading.Event()

    def read() -> None:
        with shop.connect() as session:
            while not done.is_set():
                began = time.monotonic()
                session.execute(BOTH.encode()).fetchall()
                slowest.append(time.monotonic() - began)

    with shop.connect() as long_reader:
        long_reader.execute("set application_name = 'a forgotten notebook'")
        long_reader.execute("begin")
        long_reader.execute("select count(*) from shop_marts.sales")
        other = threading.Thread(target=read)
        other.start()
        with pytest.raises(ServingUnavailable) as told:
            shop.publish("sales", "customers")
        done.set()
        other.join(30)
        pid = long_reader.info.backend_pid
        assert long_reader.execute("select max(version) from shop_marts.customers").fetchone() == (
            1,
        )
    assert "a forgotten notebook" in str(told.value)
    assert f"pid {pid}," in str(told.value)
    assert "holds shop_marts.sales" in str(told.value)
    assert len(waits) >= 2
    # A try lasts half a second at most.
    assert max(slowest) < 3
    assert shown(shop) == [1, 1, 1, 1]
    shop.publish("sales", "customers")
    assert shown(shop) == [2, 2, 2, 2]


def test_a_transaction_older_than_the_publication_sees_whole_tables(shop):
    shop.publish("sales", "customers")
    build(shop, 2)
    with shop.connect() as old:
        old.execute("begin isolation level repeatable read")
        old.execute("select 1 from pg_class limit 1")
        shop.publish("sales", "customers")
        # Its snapshot is older than the rows: without frozen ones the tables were empty.
        assert old.execute(BOTH.encode()).fetchall() == [(2, 2)]
        assert old.execute("select count(*) from shop_marts.sales").fetchone() == (500,)


POINTS = {
    "nothing loaded yet": ("lakehouse.publish.postgres.publication", "load_beside", "before"),
    "loaded, not verified": ("lakehouse.publish.postgres.publication", "load_beside", "after"),
    "not swapped": ("lakehouse.publish.postgres.publication", "change_when_free", "before"),
    "not committed": ("lakehouse.publish.postgres.publication", "change_when_free", "after"),
    "file not renamed": ("lakehouse.publish.postgres.publication", "show", "after"),
    "all done": ("lakehouse.publish.serving_copy", "publish_file", "after"),
}


@pytest.mark.long
@pytest.mark.parametrize("point", POINTS)
def test_a_publication_that_was_killed_is_completed_by_the_next(shop, point):
    shop.publish("sales", "customers")
    build(shop, 2)
    child = subprocess.run(
        [
            *(sys.executable, killed_publication.__file__),
            shop.url.render_as_string(hide_password=False),
            *(str(shop.folder), *POINTS[point]),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    there = {"file not renamed": [2, 2, 1, 1], "all done": [2, 2, 2, 2]}
    assert shown(shop) == there.get(point, [1, 1, 1, 1])
    publication = shop.publish("sales", "customers")
    assert shown(shop) == [2, 2, 2, 2]
    assert (publication.changed == []) == (point in there)
    assert shop.run("select count(*) from pg_namespace where nspname like 'aljibe_next%'") == [(0,)]
    assert [path.name for path in shop.serving.parent.iterdir()] == ["shop.duckdb"]


def test_a_table_without_rows_or_with_a_strange_name_is_published(shop):
    shop.build(
        'create table marts."Año; ""drop"" 100%" ("a b" integer, "select" varchar)',
        "create table marts.nothing (n integer)",
    )
    shop.publish('Año; "drop" 100%', PublishedTable("marts", "nothing", "It's 100% {} %s", {}))
    assert shop.run('select * from shop_marts."Año; ""drop"" 100%"') == []
    with pytest.raises(psycopg.errors.UndefinedTable):
        shop.run("select * from shop_marts.sales")
