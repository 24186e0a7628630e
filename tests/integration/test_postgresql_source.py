"""Tables of a real PostgreSQL: one snapshot, cursors, faults, names."""

import threading
from typing import Any

import pytest
from servers.database_source import loaded_rows
from servers.postgres_source import PostgresSource

from lakehouse.connectors.database.engine import make_engine
from lakehouse.connectors.database.postgresql.dialect import _SESSION, PostgreSql
from lakehouse.errors import (
    CatalogInvalid,
    DatabaseRefused,
    DatabaseUnavailable,
    RelationMissing,
    SchemaChanged,
)
from lakehouse.lake.load_database import load_tables

pytestmark = pytest.mark.integration


def test_views_partitions_materialised_views_and_tables_without_key_are_read(
    postgres_source: PostgresSource,
) -> None:
    postgres_source.run(
        "create table sales (id integer, day date) partition by range (day)",
        "create table sales_1 partition of sales for values from ('2024-01-01') to ('2025-01-01')",
        "create table sales_2 partition of sales default",
        "insert into sales values (1, '2024-05-01'), (2, '2020-01-01')",
        "create view seen as select * from sales",
        "create materialized view kept as select * from sales",
    )
    columns = {"id": "integer", "day": "date"}
    for name in ("sales", "seen", "kept"):
        table = postgres_source.table(name, columns)
        postgres_source.load(table)
        assert postgres_source.raw(table, f"select id from raw.{name} order by id") == [(1,), (2,)]


def test_what_is_missing_or_not_allowed_is_permanent_and_names_what_is_there(
    postgres_source: PostgresSource,
) -> None:
    postgres_source.run(
        "create table clientes (id integer primary key)", "create table hidden (id integer)"
    )
    with pytest.raises(RelationMissing, match=r"pedidos\. There is: clientes, hidden"):
        postgres_source.load(postgres_source.table("pedidos", {"id": "integer"}))
    with pytest.raises(SchemaChanged, match=r"has no column mail\. It has: id"):
        postgres_source.load(
            postgres_source.table("clientes", {"id": "integer", "mail": "varchar"})
        )
    postgres_source.run(
        "drop role if exists reader", "create role reader login password 'h0la-secreto'"
    )
    url = postgres_source.url.set(username="reader", password="h0la-secreto")
    with pytest.raises(DatabaseRefused, match="permission denied for table hidden"):
        load_tables(url, [postgres_source.table("hidden", {"id": "integer"})], postgres_source.lake)


@pytest.mark.parametrize("wrong", ["password", "database", "username"])
def test_wrong_credentials_are_permanent_and_show_no_secret(
    postgres_source: PostgresSource, wrong: str
) -> None:
    url = postgres_source.url.set(**{wrong: "eq-no-es-esta"})
    with pytest.raises(DatabaseRefused) as raised:
        load_tables(url, [postgres_source.table("t", {"id": "integer"})], postgres_source.lake)
    shown = f"{raised.value} {raised.value!r} {raised.value.__cause__} {raised.value.__context__}"
    assert str(url.password) not in shown


def test_a_server_that_does_not_answer_is_worth_another_try(
    postgres_source: PostgresSource,
) -> None:
    with pytest.raises(DatabaseUnavailable):
        load_tables(
            postgres_source.url.set(port=9),
            [postgres_source.table("t", {"id": "integer"})],
            postgres_source.lake,
        )


def test_tables_and_ranges_are_read_as_they_were_at_one_moment(
    postgres_source: PostgresSource,
) -> None:
    postgres_source.run(
        "create table orders (id bigserial primary key)",
        "create table lines (id bigserial primary key)",
        "insert into orders select from generate_series(1, 3000)",
        "insert into lines select from generate_series(1, 3000)",
    )
    begun, stop = threading.Event(), threading.Event()

    def insert() -> None:
        with postgres_source.connect() as session:
            while not stop.is_set():
                with session.transaction():
                    session.execute("insert into orders default values")
                    session.execute("insert into lines default values")
                begun.set()

    writer = threading.Thread(target=insert)
    writer.start()
    try:
        assert begun.wait(10)
        columns = {"id": "bigint"}
        orders = postgres_source.table("orders", columns, connections=3)
        lines = postgres_source.table("lines", columns)
        counts = [loaded_rows(postgres_source.load(orders, lines)) for _ in range(3)]
    finally:
        stop.set()
        writer.join()
    assert all(one == other >= 3000 for one, other in counts)
    assert counts[0] != counts[-1]


def test_ranges_over_several_connections_bring_the_same_rows(
    postgres_source: PostgresSource,
) -> None:
    postgres_source.run(
        "create table t (id integer primary key, grp integer, name text)",
        "insert into t select i, nullif(i % 7, 0), 'n' || i from generate_series(-500, 500) i",
    )
    columns = {"id": "integer", "grp": "integer", "name": "varchar"}
    for name, options in (
        ("by_key", {"connections": 4}),
        ("by_group", {"connections": 3, "range_column": "grp"}),
    ):
        table = postgres_source.table(name, columns, relation="t", **options)
        (load,) = postgres_source.load(table)
        assert (load.deliveries[0].rows_loaded, load.notes) == (1001, ())
        rows = postgres_source.raw(table, f"select count(*), sum(id), count(name) from raw.{name}")
        assert rows == [(1001, 0, 1001)]


def test_an_incremental_table_reads_on_from_its_cursor(postgres_source: PostgresSource) -> None:
    postgres_source.run(
        "create table t (id integer primary key, updated_at timestamptz)",
        "insert into t select i, timestamptz '2024-01-01 00:00+00' + i * interval '0.5 second' "
        "from generate_series(0, 99) i",
        "insert into t values (1000, null)",
    )
    columns = {"id": "integer", "updated_at": "timestamptz"}
    table = postgres_source.table(
        "t", columns, load="incremental", key=["id"], cursor="updated_at", overlap=2
    )
    (first,) = postgres_source.load(table)
    assert first.rows_loaded == 101
    assert "1 rows have no updated_at" in "".join(first.findings)
    postgres_source.run("update t set updated_at = '2024-01-01 00:02+00' where id = 3")
    (second,) = postgres_source.load(table)
    assert second.deliveries[0].rows_loaded == 6
    assert postgres_source.lake.ledger.cursor(table) == "2024-01-01 00:02:00+00"
    (third,) = postgres_source.load(table)
    assert third.deliveries[0].rows_loaded == 1


def test_a_date_or_a_number_may_be_the_cursor(postgres_source: PostgresSource) -> None:
    postgres_source.run(
        "create table t (id integer primary key, day date, version numeric(20,0))",
        "insert into t select i, date '2024-01-01' + i, i from generate_series(0, 30) i",
    )
    columns = {"id": "integer", "day": "date", "version": "decimal(20,0)"}
    for cursor, overlap, rows in (("day", 86_400 * 2, 3), ("version", 5, 6)):
        table = postgres_source.table(
            f"by_{cursor}", columns, relation="t", load="incremental", key=["id"], cursor=cursor,
            overlap=overlap,
        )  # fmt: skip
        postgres_source.load(table)
        (again,) = postgres_source.load(table)
        assert again.deliveries[0].rows_loaded == rows


def test_a_cursor_that_is_infinity_is_refused(postgres_source: PostgresSource) -> None:
    postgres_source.run(
        "create table t (id integer primary key, seen timestamptz)",
        "insert into t values (1, now()), (2, 'infinity')",
    )
    columns = {"id": "integer", "seen": "timestamptz"}
    table = postgres_source.table("t", columns, load="incremental", key=["id"], cursor="seen")
    postgres_source.load(table)
    with pytest.raises(CatalogInvalid, match="Column seen holds infinity"):
        postgres_source.load(table)


def test_a_session_that_is_ended_in_mid_table_leaves_nothing_and_the_next_run_loads_once(
    postgres_source: PostgresSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres_source.run(
        "create table small (id integer primary key)",
        "insert into small select generate_series(1, 10)",
        "create table large (id integer primary key, note text)",
        "insert into large select i, repeat('x', 1000) from generate_series(1, 60000) i",
    )
    small = postgres_source.table("small", {"id": "integer"})
    large = postgres_source.table("large", {"id": "integer", "note": "varchar"})
    monkeypatch.setattr("lakehouse.connectors.database.postgresql.dialect._ROWS_AT_ONCE", 1000)
    killed: list[bool] = []

    def kill(progress: Any) -> None:
        if progress.step.endswith("large") and progress.done > 2000 and not killed:
            killed.extend(
                row[0]
                for row in postgres_source.run(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and pid <> pg_backend_pid()"
                )
            )

    with pytest.raises(DatabaseUnavailable, match=r"shop\.large"):
        postgres_source.load(small, large, on_progress=kill)
    assert killed == [True]
    assert postgres_source.files() == []
    assert loaded_rows(postgres_source.load(small, large)) == [10, 60000]
    assert postgres_source.raw(large, "select count(*), count(distinct id) from raw.large") == [
        (60000, 60000)
    ]


def test_a_statement_that_is_cancelled_is_worth_another_try(
    postgres_source: PostgresSource,
) -> None:
    postgres_source.run(
        "create table t (id integer)", "insert into t select generate_series(1, 10)"
    )
    dialect = PostgreSql()
    with dialect.snapshot(make_engine(postgres_source.url), 1) as (connection,):
        relation = dialect.describe(connection, "t")
        pid = connection.exec_driver_sql("select pg_backend_pid()").scalar_one()
        query = f"select id from {relation.quoted}, pg_sleep(30)"
        cancel = threading.Timer(0.3, postgres_source.run, [f"select pg_cancel_backend({pid})"])
        cancel.start()
        with pytest.raises(DatabaseUnavailable, match="57014"):
            list(dialect.batches(connection, query, relation.columns))
        cancel.join()


def test_a_lock_that_is_held_too_long_is_worth_another_try(
    postgres_source: PostgresSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres_source.run("create table t (id integer)")
    session = tuple(
        "set local lock_timeout = '100ms'" if "lock_timeout" in one else one for one in _SESSION
    )
    monkeypatch.setattr("lakehouse.connectors.database.postgresql.dialect._SESSION", session)
    with postgres_source.connect() as other:
        other.autocommit = False
        other.execute("lock table t in access exclusive mode")
        with pytest.raises(DatabaseUnavailable, match="55P03"):
            postgres_source.load(postgres_source.table("t", {"id": "integer"}))


def test_the_source_is_only_read(postgres_source: PostgresSource) -> None:
    postgres_source.run("create table t (id integer)")
    with PostgreSql().snapshot(make_engine(postgres_source.url), 2) as connections:
        for connection in connections:
            with pytest.raises(DatabaseRefused, match="read-only"), PostgreSql().faults():
                connection.exec_driver_sql("insert into t values (1)")
            connection.rollback()


def test_tables_that_the_search_path_finds_go_by_their_bare_name(
    postgres_source: PostgresSource,
) -> None:
    postgres_source.run(
        "create schema ventas", "create table ventas.pedidos (id int)", "create table a (i int)"
    )
    with make_engine(postgres_source.url).connect() as connection:
        assert PostgreSql().relations(connection) == ["a", "ventas.pedidos"]


def test_the_hash_of_a_table_does_not_change_with_the_way_it_is_stored(
    postgres_source: PostgresSource,
) -> None:
    postgres_source.run(
        "create table t (id integer primary key, at timestamptz)",
        "insert into t select i, '2024-01-01 00:00+00' from generate_series(1, 100) i",
    )
    table = postgres_source.table("t", {"id": "integer", "at": "timestamptz"})
    postgres_source.load(table)
    postgres_source.run("update t set at = at where id % 3 = 0", "vacuum full t")
    (again,) = postgres_source.load(table)
    assert again.deliveries[0].status == "known"
