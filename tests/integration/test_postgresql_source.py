"""Tables of a real PostgreSQL into the lake, cell by cell as the server says they are."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from servers.database_source import loaded_rows
from servers.postgres_source import PostgresSource
from sqlalchemy import URL

from lakehouse.connectors.database.engine import make_engine
from lakehouse.connectors.database.postgresql import _SESSION, PostgreSql
from lakehouse.errors import (
    CatalogInvalid,
    DatabaseRefused,
    DatabaseUnavailable,
    RelationMissing,
    SchemaChanged,
)
from lakehouse.lake.load_database import load_tables
from lakehouse.lake.raw_lake import RawLake
from lakehouse.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def source(
    postgres_database: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PostgresSource]:
    """An empty PostgreSQL database and an empty lake."""
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    lake = RawLake.of(Settings())
    yield PostgresSource(postgres_database, lake)
    lake.ledger.engine.dispose()


@dataclass(frozen=True)
class Kind:
    """A column of the torture table.

    Attributes:
        server_type: on the server.
        declared: its type in the contract.
        values: SQL of what is inserted, one a row.
        server: SQL that makes the server say the value, and `raw` the same of the lake.
    """

    server_type: str
    declared: str
    values: tuple[str, ...]
    server: str = "{}::text"
    raw: str = "{}::varchar"


BYTES = {"server": "encode(convert_to({}, 'UTF8'), 'hex')", "raw": "lower(hex(encode({})))"}
TEXTS = (
    "''",
    "'NULL'",
    "' a '",
    r"'\N'",
    r"'\.'",
    "'ñ€😀'",
    "'it''s \"x\" %s :y,;'",
    "E'\\r\\n\\t'",
)
FLOAT = {"server": "{}::float8", "raw": "{}::double"}
MOMENT = {
    "raw": "strftime({}, '%Y-%m-%d %H:%M:%S.%f')",
    "server": "to_char({}, 'YYYY-MM-DD HH24:MI:SS.US')",
}

KINDS: dict[str, Kind] = {
    "small": Kind("smallint", "smallint", ("-32768", "32767")),
    "plain": Kind("integer", "integer", ("-2147483648", "2147483647")),
    "big": Kind("bigint", "bigint", ("-9223372036854775808", "9223372036854775807")),
    "number_of": Kind("oid", "uinteger", ("4294967295",)),
    "price": Kind("numeric(12,2)", "decimal(12,2)", ("-9999999999.99", "0", "19.9")),
    "exact": Kind("numeric(38,10)", "decimal(38,10)", ("9999999999999999999999999999.9999999999",)),
    "whole": Kind("numeric(38,0)", "decimal(38,0)", ("99999999999999999999999999999999999999",)),
    "wide": Kind("numeric(60,20)", "varchar", ("1e39", "-0.00000000000000000001")),
    "unbounded": Kind("numeric", "varchar", ("1e100", "'NaN'", "0.10", "'-Infinity'")),
    "narrowed": Kind("numeric", "decimal(38,10)", ("123.456", "-7")
                     , "{}::numeric(38,10)::text"),
    "rounded": Kind("numeric(5,-2)", "varchar", ("12345",)),
    "single": Kind("real", "float", ("0.1", "16777216", "3.4e38", "'NaN'", "'-Infinity'"),
                   **FLOAT),
    "ratio": Kind("double precision", "double", ("0.1", "1e308", "5e-324", "'NaN'", "'Infinity'"),
                  **FLOAT),
    "flag": Kind("boolean", "boolean", ("true", "false")),
    "day": Kind("date", "date", ("'0001-01-01'", "'9999-12-31'", "'2024-02-29'", "'12345-01-01'")),
    "moment": Kind("timestamp", "timestamp",
                   ("'2024-02-29 23:59:59.999999'", "'0001-01-01'"), **MOMENT),
    "stamp": Kind("timestamptz", "timestamptz",
                  ("'2024-02-29 23:59:59.999999-03'", "'1900-01-01 00:00+05:53:28'"),
                  "to_char({} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
                  "strftime({}, '%Y-%m-%d %H:%M:%S.%f')"),
    "seconds": Kind("timestamptz(0)", "timestamptz", ("'2024-06-01 12:00:00+02'",),
                    "to_char({} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')",
                    "strftime({}, '%Y-%m-%d %H:%M:%S')"),
    "clock": Kind("time", "time", ("'00:00'", "'23:59:59.999999'")),
    "clock_zone": Kind("timetz", "varchar", ("'12:00+02'",)),
    "lasts": Kind("interval", "varchar", ("'1 year -2 days 03:04:05.6'", "'-838:59:59'")),
    "identity": Kind("uuid", "varchar", ("'123e4567-e89b-12d3-a456-426655440000'",)),
    "doc": Kind("json", "json", ("'{\"a\":  [1, null]}'", "'null'", "'\"\"'")),
    "docb": Kind("jsonb", "json", ('\'{"ñ": 1e400, "a": "x"}\'',)),
    "list_of": Kind("integer[]", "integer[]", ("'{}'", "'{1,null,-3}'", "'{2147483647}'"),
                    "to_jsonb({})::text", "replace(to_json({})::varchar, ',', ', ')"),
    "grid": Kind("text[][]", "json", ("array[['a,b','\"'],[null,'']]",), "to_jsonb({})::text"),
    "bytes_of": Kind("bytea", "blob", ("'\\x00ff00'", "''", "'\\xfb'"), "encode({}, 'hex')",
                     "lower(hex({}))"),
    "mood": Kind("mood", "varchar", ("'it''s'", "'sad'")),
    "domain_of": Kind("positive", "decimal(10,2)", ("1.5",)),
    "pair_of": Kind("pair", "json", ("row(1, 'a\"b')",), "to_jsonb({})::text"),
    "address": Kind("inet", "varchar", ("'::1'", "'10.0.0.1/8'")),
    "network": Kind("cidr", "varchar", ("'10.0.0.0/8'",)),
    "money_of": Kind("money", "varchar", ("1234.5",)),
    "span": Kind("int4range", "varchar", ("'[1,10)'", "'empty'")),
    "days": Kind("daterange", "varchar", ("'[2024-01-01,2024-02-01)'",)),
    "spans": Kind("int4multirange", "varchar", ("'{[1,3),[5,8)}'",)),
    "bits": Kind("bit varying", "varchar", ("b'10101'",)),
    "place": Kind("point", "varchar", ("point(1.5, -2)",)),
    "words": Kind("tsvector", "varchar", ("'gato perro'::tsvector",)),
    "page": Kind("xml", "varchar", ("'<a b=\"1\">x</a>'",)),
    "text_of": Kind("text", "varchar", (*TEXTS, "repeat('ñ', 3000000)"), **BYTES),
    "short": Kind("varchar(10)", "varchar", TEXTS[:2], **BYTES),
    "padded": Kind("char(5)", "varchar", ("'a'", "''"), "rpad({}::text, 5)"),
    "letter": Kind('"char"', "varchar", ("'x'",)),
    "twice": Kind("bigint generated always as (id * 2) stored", "bigint", ()),
}  # fmt: skip


@pytest.fixture
def torture(source: PostgresSource) -> PostgresSource:
    """A table with a column of each kind; a row a value, the others NULL, and one row of NULLs."""
    columns = ", ".join(f"{name} {kind.server_type}" for name, kind in KINDS.items())
    rows = [(name, value) for name, kind in KINDS.items() for value in kind.values]
    source.run(
        "create type mood as enum ('sad', 'it''s')",
        "create domain money_like as numeric(10,2)",
        "create domain positive as money_like check (value > 0)",
        "create type pair as (a integer, b text)",
        f"create table torture (id integer primary key, {columns})",
        "insert into torture (id) values (0)",
        *(
            f"insert into torture (id, {name}) values ({number}, {value})"
            for number, (name, value) in enumerate(rows, 1)
        ),
    )
    return source


def test_every_type_arrives_as_the_server_says_it(torture: PostgresSource) -> None:
    declared = {"id": "integer"} | {name: kind.declared for name, kind in KINDS.items()}
    table = torture.table("torture", declared)
    (load,) = torture.load(table)
    (told,) = torture.run("select count(*) from torture")
    assert (load.rows_loaded, load.findings) == (told[0], [])
    asked = ", ".join(kind.server.format(name) for name, kind in KINDS.items())
    expected = torture.run("set timezone = 'UTC'", f"select {asked} from torture order by id")
    asked = ", ".join(kind.raw.format(name) for name, kind in KINDS.items())
    found = torture.raw(table, f"select {asked} from raw.torture order by id")
    differences = [
        f"row {row}, {name}: {str(said)[:80]} became {str(came)[:80]}"
        for row, cells in enumerate(zip(expected, found, strict=True))
        for name, said, came in zip(KINDS, *cells, strict=True)
        if not the_same(said, came)
    ]
    assert differences == []


def the_same(said: Any, came: Any) -> bool:
    return (said, came) == (said, said) or str(said).lower() == str(came).lower()


@pytest.mark.parametrize("policy", ["null", "fail"])
def test_infinity_nan_and_bc_become_null_and_a_finding_or_refuse_the_load(
    source: PostgresSource, policy: str
) -> None:
    source.run(
        "create table odd (id integer primary key, day date, at_time timestamp, stamp timestamptz, "
        "price numeric(12,2))",
        "insert into odd values (1, '2024-01-01', '2024-01-01', '2024-01-01 00:00+00', 1.5), "
        "(2, 'infinity', '-infinity', 'infinity', 'NaN'), "
        "(3, '0044-03-15 BC', '0044-03-15 BC', '0044-03-15 12:00 BC', null)",
    )
    columns = {
        "id": "integer", "day": "date", "at_time": "timestamp", "stamp": "timestamptz",
        "price": "decimal(12,2)",
    }  # fmt: skip
    table = source.table("odd", columns, key=["id"], invalid_dates=policy)
    (load,) = source.load(table)
    if policy == "fail":
        assert load.deliveries[0].status == "quarantined"
        return
    assert load.rows_loaded == 3
    assert "7 cells of day, at_time, stamp, price" in load.findings[0]
    rows = source.raw(table, "select id, day, at_time, stamp, price from raw.odd order by id")
    assert [row[1:] for row in rows[1:]] == [(None,) * 4] * 2
    assert None not in rows[0]


def test_names_of_any_letters_are_read(source: PostgresSource) -> None:
    names = ["select", "with space", "it's", 'dou"ble', "UPPER", "100%", "%s", "ñandú", "a.b", ":x"]
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    source.run(
        'create schema "Mi Esquema"',
        f'create table "Mi Esquema"."order 100%" ({", ".join(f"{n} int" for n in quoted)}, '
        f"primary key ({quoted[5]}, {quoted[3]}))",
        f'insert into "Mi Esquema"."order 100%" values ({", ".join(map(str, range(10)))})',
    )
    table = source.table(
        "strange", dict.fromkeys(names, "integer"), relation="Mi Esquema.order 100%"
    )
    source.load(table)
    assert source.raw(table, f"select {', '.join(quoted)} from raw.strange") == [tuple(range(10))]


def test_views_partitions_materialised_views_and_tables_without_key_are_read(
    source: PostgresSource,
) -> None:
    source.run(
        "create table sales (id integer, day date) partition by range (day)",
        "create table sales_1 partition of sales for values from ('2024-01-01') to ('2025-01-01')",
        "create table sales_2 partition of sales default",
        "insert into sales values (1, '2024-05-01'), (2, '2020-01-01')",
        "create view seen as select * from sales",
        "create materialized view kept as select * from sales",
    )
    columns = {"id": "integer", "day": "date"}
    for name in ("sales", "seen", "kept"):
        table = source.table(name, columns)
        source.load(table)
        assert source.raw(table, f"select id from raw.{name} order by id") == [(1,), (2,)]


def test_what_is_missing_or_not_allowed_is_permanent_and_names_what_is_there(
    source: PostgresSource,
) -> None:
    source.run("create table clientes (id integer primary key)", "create table hidden (id integer)")
    with pytest.raises(RelationMissing, match=r"pedidos\. There is: clientes, hidden"):
        source.load(source.table("pedidos", {"id": "integer"}))
    with pytest.raises(SchemaChanged, match=r"has no column mail\. It has: id"):
        source.load(source.table("clientes", {"id": "integer", "mail": "varchar"}))
    source.run("drop role if exists reader", "create role reader login password 'h0la-secreto'")
    url = source.url.set(username="reader", password="h0la-secreto")
    with pytest.raises(DatabaseRefused, match="permission denied for table hidden"):
        load_tables(url, [source.table("hidden", {"id": "integer"})], source.lake)


@pytest.mark.parametrize("wrong", ["password", "database", "username"])
def test_wrong_credentials_are_permanent_and_show_no_secret(
    source: PostgresSource, wrong: str
) -> None:
    url = source.url.set(**{wrong: "eq-no-es-esta"})
    with pytest.raises(DatabaseRefused) as raised:
        load_tables(url, [source.table("t", {"id": "integer"})], source.lake)
    shown = f"{raised.value} {raised.value!r} {raised.value.__cause__} {raised.value.__context__}"
    assert str(url.password) not in shown


def test_a_server_that_does_not_answer_is_worth_another_try(source: PostgresSource) -> None:
    with pytest.raises(DatabaseUnavailable):
        load_tables(source.url.set(port=9), [source.table("t", {"id": "integer"})], source.lake)


def test_tables_and_ranges_are_read_as_they_were_at_one_moment(source: PostgresSource) -> None:
    source.run(
        "create table orders (id bigserial primary key)",
        "create table lines (id bigserial primary key)",
        "insert into orders select from generate_series(1, 3000)",
        "insert into lines select from generate_series(1, 3000)",
    )
    begun, stop = threading.Event(), threading.Event()

    def insert() -> None:
        with source.connect() as session:
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
        orders = source.table("orders", columns, connections=3)
        lines = source.table("lines", columns)
        counts = [loaded_rows(source.load(orders, lines)) for _ in range(3)]
    finally:
        stop.set()
        writer.join()
    assert all(one == other >= 3000 for one, other in counts)
    assert counts[0] != counts[-1]


def test_ranges_over_several_connections_bring_the_same_rows(source: PostgresSource) -> None:
    source.run(
        "create table t (id integer primary key, grp integer, name text)",
        "insert into t select i, nullif(i % 7, 0), 'n' || i from generate_series(-500, 500) i",
    )
    columns = {"id": "integer", "grp": "integer", "name": "varchar"}
    for name, options in (
        ("by_key", {"connections": 4}),
        ("by_group", {"connections": 3, "range_column": "grp"}),
    ):
        table = source.table(name, columns, relation="t", **options)
        (load,) = source.load(table)
        assert (load.deliveries[0].rows_loaded, load.notes) == (1001, ())
        rows = source.raw(table, f"select count(*), sum(id), count(name) from raw.{name}")
        assert rows == [(1001, 0, 1001)]


def test_an_incremental_table_reads_on_from_its_cursor(source: PostgresSource) -> None:
    source.run(
        "create table t (id integer primary key, updated_at timestamptz)",
        "insert into t select i, timestamptz '2024-01-01 00:00+00' + i * interval '0.5 second' "
        "from generate_series(0, 99) i",
        "insert into t values (1000, null)",
    )
    columns = {"id": "integer", "updated_at": "timestamptz"}
    table = source.table(
        "t", columns, load="incremental", key=["id"], cursor="updated_at", overlap=2
    )
    (first,) = source.load(table)
    assert first.rows_loaded == 101
    assert "1 rows have no updated_at" in "".join(first.findings)
    source.run("update t set updated_at = '2024-01-01 00:02+00' where id = 3")
    (second,) = source.load(table)
    assert second.deliveries[0].rows_loaded == 6
    assert source.lake.ledger.cursor(table) == "2024-01-01 00:02:00+00"
    (third,) = source.load(table)
    assert third.deliveries[0].rows_loaded == 1


def test_a_date_or_a_number_may_be_the_cursor(source: PostgresSource) -> None:
    source.run(
        "create table t (id integer primary key, day date, version numeric(20,0))",
        "insert into t select i, date '2024-01-01' + i, i from generate_series(0, 30) i",
    )
    columns = {"id": "integer", "day": "date", "version": "decimal(20,0)"}
    for cursor, overlap, rows in (("day", 86_400 * 2, 3), ("version", 5, 6)):
        table = source.table(
            f"by_{cursor}", columns, relation="t", load="incremental", key=["id"], cursor=cursor,
            overlap=overlap,
        )  # fmt: skip
        source.load(table)
        (again,) = source.load(table)
        assert again.deliveries[0].rows_loaded == rows


def test_a_cursor_that_is_infinity_is_refused(source: PostgresSource) -> None:
    source.run(
        "create table t (id integer primary key, seen timestamptz)",
        "insert into t values (1, now()), (2, 'infinity')",
    )
    columns = {"id": "integer", "seen": "timestamptz"}
    table = source.table("t", columns, load="incremental", key=["id"], cursor="seen")
    source.load(table)
    with pytest.raises(CatalogInvalid, match="Column seen holds infinity"):
        source.load(table)


def test_a_session_that_is_ended_in_mid_table_leaves_nothing_and_the_next_run_loads_once(
    source: PostgresSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.run(
        "create table small (id integer primary key)",
        "insert into small select generate_series(1, 10)",
        "create table large (id integer primary key, note text)",
        "insert into large select i, repeat('x', 1000) from generate_series(1, 60000) i",
    )
    small = source.table("small", {"id": "integer"})
    large = source.table("large", {"id": "integer", "note": "varchar"})
    monkeypatch.setattr("lakehouse.connectors.database.postgresql._ROWS_AT_ONCE", 1000)
    killed: list[bool] = []

    def kill(progress: Any) -> None:
        if progress.step.endswith("large") and progress.done > 2000 and not killed:
            killed.extend(
                row[0]
                for row in source.run(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and pid <> pg_backend_pid()"
                )
            )

    with pytest.raises(DatabaseUnavailable, match=r"shop\.large"):
        source.load(small, large, on_progress=kill)
    assert killed == [True]
    assert source.files() == [] or all("raw" not in path.parts for path in source.files())
    assert loaded_rows(source.load(small, large)) == [10, 60000]
    assert source.raw(large, "select count(*), count(distinct id) from raw.large") == [
        (60000, 60000)
    ]


def test_a_statement_that_is_cancelled_is_worth_another_try(source: PostgresSource) -> None:
    source.run("create table t (id integer)", "insert into t select generate_series(1, 10)")
    dialect = PostgreSql()
    with dialect.snapshot(make_engine(source.url), 1) as (connection,):
        relation = dialect.describe(connection, "t")
        pid = connection.exec_driver_sql("select pg_backend_pid()").scalar_one()
        query = f"select id from {relation.quoted}, pg_sleep(30)"
        cancel = threading.Timer(0.3, source.run, [f"select pg_cancel_backend({pid})"])
        cancel.start()
        with pytest.raises(DatabaseUnavailable, match="57014"):
            list(dialect.batches(connection, query, relation.columns))
        cancel.join()


def test_a_lock_that_is_held_too_long_is_worth_another_try(
    source: PostgresSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.run("create table t (id integer)")
    session = tuple(
        "set local lock_timeout = '100ms'" if "lock_timeout" in one else one for one in _SESSION
    )
    monkeypatch.setattr("lakehouse.connectors.database.postgresql._SESSION", session)
    with source.connect() as other:
        other.autocommit = False
        other.execute("lock table t in access exclusive mode")
        with pytest.raises(DatabaseUnavailable, match="55P03"):
            source.load(source.table("t", {"id": "integer"}))


def test_the_source_is_only_read(source: PostgresSource) -> None:
    source.run("create table t (id integer)")
    with PostgreSql().snapshot(make_engine(source.url), 2) as connections:
        for connection in connections:
            with pytest.raises(DatabaseRefused, match="read-only"), PostgreSql().faults():
                connection.exec_driver_sql("insert into t values (1)")
            connection.rollback()


def test_a_nan_among_whole_numerics_is_refused_by_the_columns_that_may_hold_it(
    source: PostgresSource,
) -> None:
    source.run("create table t (id numeric(10,0))", "insert into t values (1), ('NaN')")
    with pytest.raises(DatabaseRefused, match=r"shop\.t: .*id numeric\(10,0\)"):
        source.load(source.table("t", {"id": "decimal(10,0)"}))


def test_tables_that_the_search_path_finds_go_by_their_bare_name(source: PostgresSource) -> None:
    source.run(
        "create schema ventas", "create table ventas.pedidos (id int)", "create table a (i int)"
    )
    with make_engine(source.url).connect() as connection:
        assert PostgreSql().relations(connection) == ["a", "ventas.pedidos"]


def test_the_hash_of_a_table_does_not_change_with_the_way_it_is_stored(
    source: PostgresSource,
) -> None:
    source.run(
        "create table t (id integer primary key, at timestamptz)",
        "insert into t select i, '2024-01-01 00:00+00' from generate_series(1, 100) i",
    )
    table = source.table("t", {"id": "integer", "at": "timestamptz"})
    source.load(table)
    source.run("update t set at = at where id % 3 = 0", "vacuum full t")
    (again,) = source.load(table)
    assert again.deliveries[0].status == "known"
