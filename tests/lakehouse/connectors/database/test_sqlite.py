"""Tables of SQLite into the lake: what a file holds, by value and not by declared type."""

import itertools
import math
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, func, select

from lakehouse.connectors.database.engine import make_engine
from lakehouse.connectors.database.sqlite import Sqlite
from lakehouse.connectors.database.sqlite_types import StorageClasses, proposed_type, server_column
from lakehouse.errors import (
    CatalogInvalid,
    DatabaseRefused,
    DatabaseUnavailable,
    RelationMissing,
    SchemaChanged,
)
from lakehouse.lake.audit_schema import deliveries, rejected_rows
from lakehouse.lake.load_database import load_tables
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog, Column, Table, TableMeta
from lakehouse.table_load import TableLoad

Write = Callable[..., None]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A name that SQLite's URLs and URIs would take for something else."""
    return tmp_path / "tienda #1?50%&mode=rw.db"


@pytest.fixture
def url(file: Path) -> URL:
    return URL.create("sqlite", database=str(file))


@pytest.fixture
def write(file: Path) -> Write:
    """`write("create table t (a)", ("insert into t values (?)", rows))`."""

    def run(*statements: str | tuple[str, list[tuple[Any, ...]]]) -> None:
        with closing(sqlite3.connect(file)) as connection, connection:
            for statement in statements:
                if isinstance(statement, str):
                    connection.execute(statement)
                else:
                    connection.executemany(*statement)

    return run


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RawLake]:
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    opened = RawLake.of(Settings())
    yield opened
    opened.ledger.engine.dispose()


def make_table(name: str, columns: dict[str, str], *, load: str = "snapshot", **meta: Any) -> Table:
    options = {key: meta.pop(key) for key in ("relation", "overlap") if key in meta}
    return Table(
        source="shop",
        name=name,
        connector="database",
        block="shop-database",
        schema_name="raw",
        meta=TableMeta.model_validate({"load": load, "database": options, **meta}),
        columns=tuple(Column(name=column, data_type=kind) for column, kind in columns.items()),
        file=Path("_shop__sources.yml"),
    )


def load_one(url: URL, table: Table, lake: RawLake) -> TableLoad:
    (load,) = load_tables(url, [table], lake, "test")
    return load


def raw(lake: RawLake, table: Table, sql: str) -> list[tuple[Any, ...]]:
    path = lake.settings.warehouse("shop")
    register_raw(Catalog(domain="shop", tables=(table,)), lake, path, "test")
    with duckdb.connect(str(path)) as warehouse:
        warehouse.execute("set timezone = 'UTC'")
        return warehouse.execute(sql).fetchall()


def reasons(lake: RawLake) -> list[tuple[str, str, bool]]:
    """What was said of the cells of the newest delivery."""
    columns = (rejected_rows.c.column_name, rejected_rows.c.reason, rejected_rows.c.row_loaded)
    newest = select(func.max(deliveries.c.delivery_id)).scalar_subquery()
    query = select(*columns).where(rejected_rows.c.delivery_id == newest).order_by(*columns)
    with lake.ledger.engine.connect() as books:
        return [tuple(row) for row in books.execute(query)]


def test_values_of_their_declared_types_arrive_exact(url, write, lake):
    write(
        "create table things (id integer primary key, price decimal(12,2), ratio double, "
        "name varchar(20), doc json, day date, at_time datetime, stamp timestamp, flag boolean, "
        "photo blob, code text)",
        (
            "insert into things values (?,?,?,?,?,?,?,?,?,?,?)",
            [
                (
                    1,
                    19.99,
                    0.1,
                    "ñ😀",
                    "[1]",
                    "2024-02-29",
                    "2024-02-29T23:59:59.123",
                    None,
                    1,
                    b"\0\xff",
                    "007",
                ),
                (
                    2,
                    "1234567890.10",
                    -1e308,
                    "",
                    '{"a": 1}',
                    "0001-01-01",
                    "2024-01-01 10:00",
                    "2024-01-01 10:00:00+02:00",
                    0,
                    b"",
                    "NULL",
                ),
                (
                    2**63 - 1,
                    5,
                    5e-324,
                    "a\0b",
                    "null",
                    None,
                    None,
                    "2024-01-01T10:00:00Z",
                    None,
                    None,
                    None,
                ),
                (-(2**63), -0.01, 3, None, None, None, None, None, None, None, ""),
            ],
        ),
    )
    columns = {
        "id": "bigint", "price": "decimal(12,2)", "ratio": "double", "name": "varchar",
        "doc": "json", "day": "date", "at_time": "timestamp", "stamp": "timestamptz",
        "flag": "boolean", "photo": "blob", "code": "varchar",
    }  # fmt: skip
    table = make_table("things", columns)
    load = load_one(url, table, lake)
    assert (load.rows_loaded, load.findings) == (4, [])
    assert raw(lake, table, f"select {', '.join(columns)} from raw.things order by id") == [
        (-(2**63), Decimal("-0.01"), 3.0, None, None, None, None, None, None, None, ""),
        (1, Decimal("19.99"), 0.1, "ñ😀", "[1]", date(2024, 2, 29),
         datetime(2024, 2, 29, 23, 59, 59, 123000), None, True, b"\0\xff", "007"),
        (2, Decimal("1234567890.10"), -1e308, "", '{"a": 1}', date(1, 1, 1),
         datetime(2024, 1, 1, 10), datetime(2024, 1, 1, 8, tzinfo=UTC), False, b"", "NULL"),
        (2**63 - 1, Decimal("5.00"), 5e-324, "a\0b", "null", None, None,
         datetime(2024, 1, 1, 10, tzinfo=UTC), None, None, None),
    ]  # fmt: skip


def test_a_value_that_is_not_of_its_declared_type_is_said_and_never_lost(url, write, lake):
    write(
        "create table mixed (id integer primary key, amount integer, price decimal(6,2))",
        (
            "insert into mixed values (?, ?, ?)",
            [(number, 1, 1.25) for number in range(40)]
            + [(50, "doce", 1.5), (51, 7, 19.999), (52, 1.5, 2), (53, b"\x01\x02", "x")],
        ),
    )
    table = make_table("mixed", {"id": "bigint", "amount": "integer", "price": "decimal(6,2)"})
    load = load_one(url, table, lake)
    assert (load.rows_loaded, load.rows_rejected) == (40, 4)
    assert [row[:2] for row in reasons(lake)] == [
        ("amount", "not an integer"),
        ("amount", "not an integer"),
        ("amount", "not an integer"),
        ("price", "more than 2 decimals"),
    ]


def test_the_same_values_are_all_loaded_where_the_contract_says_text(url, write, lake):
    values = [1, "doce", 1.5, b"\x01\xab", 1e20, 0.1 + 0.2, -0.0, float("inf"), None, "NULL", ""]
    write(
        "create table mixed (id integer primary key, anything)",
        ("insert into mixed values (?, ?)", list(enumerate(values))),
    )
    table = make_table("mixed", {"id": "bigint", "anything": "varchar"})
    load_one(url, table, lake)
    assert [cell for (cell,) in raw(lake, table, "select anything from raw.mixed order by id")] == [
        "1", "doce", "1.5", "X'01AB'", "100000000000000000000", "0.30000000000000004", "-0",
        "Infinity", None, "NULL", "",
    ]  # fmt: skip


def test_an_infinite_number_empties_its_cell_where_a_decimal_is_declared(url, write, lake):
    write(
        "create table prices (id integer primary key, price decimal(12,2))",
        ("insert into prices values (?, ?)", [(1, 1.5), (2, math.inf), (3, -math.inf)]),
    )
    table = make_table("prices", {"id": "bigint", "price": "decimal(12,2)"}, key=["id"])
    assert load_one(url, table, lake).rows_loaded == 3
    assert reasons(lake) == [
        ("price", "-Infinity is no decimal(12,2), so the cell is NULL (id 3)", True),
        ("price", "Infinity is no decimal(12,2), so the cell is NULL (id 2)", True),
    ]


@pytest.mark.parametrize(
    "text", ["2024-02-30", "2024-01-01 10:00:00", "2024-01-01x", "0044-03-15 BC", "infinity",
             "01/02/2024", "", " ", "2024-1-5"]
)  # fmt: skip
def test_text_that_is_no_date_empties_its_cell_and_is_said(url, write, lake, text):
    write("create table days (id integer primary key, day date)", "insert into days values (1, '')")
    write(("update days set day = ?", [(text,)]))
    table = make_table("days", {"id": "bigint", "day": "date"})
    assert load_one(url, table, lake).rows_loaded == 1
    assert raw(lake, table, "select day from raw.days") == [(None,)]
    assert reasons(lake) == [("day", f"{text} does not exist, so the cell is NULL", True)]


def test_a_boolean_of_two_is_refused_and_not_taken_for_true(url, write, lake):
    write(
        "create table flags (id integer primary key, flag boolean)",
        ("insert into flags values (?, ?)", [*((n, n % 2) for n in range(40)), (50, 2)]),
    )
    table = make_table("flags", {"id": "bigint", "flag": "boolean"})
    load = load_one(url, table, lake)
    assert (load.rows_loaded, load.rows_rejected) == (40, 1)


def test_text_that_is_not_utf_8_refuses_the_table_by_the_name_of_its_column(url, write, lake):
    write("create table t (id integer primary key, name text)")
    write("insert into t values (1, cast(x'fffe' as text))")
    table = make_table("t", {"id": "bigint", "name": "varchar"})
    with pytest.raises(DatabaseRefused, match=r"shop\.t: Column name holds text that is not UTF-8"):
        load_one(url, table, lake)


def test_names_of_any_letters_views_and_generated_columns_are_read(url, write, lake):
    names = ["select", "with space", "it's", 'dou"ble', "back`tick", "100%", "%s", "ñandú", "a.b"]
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    write(
        f'create table "order \'by\' 100%" ({", ".join(quoted)}, twice as ("100%" * 2) stored)',
        f"insert into \"order 'by' 100%\" values ({', '.join('123456789')})",
        "create view seen as select * from \"order 'by' 100%\"",
    )
    columns = dict.fromkeys([*names, "twice"], "integer")
    for relation in ("order 'by' 100%", "seen", "SEEN", "main.seen"):
        table = make_table("strange", columns, relation=relation)
        load_one(url, table, lake)
        asked = ", ".join([*quoted, "twice"])
        found = raw(lake, table, f"select {asked} from raw.strange")
        assert set(found) == {(*range(1, 10), 12)}


def test_an_empty_table_and_an_empty_column_are_loaded(url, write, lake):
    write("create table empty (id integer primary key, price decimal(12,2), note text)")
    table = make_table("empty", {"id": "bigint", "price": "decimal(12,2)", "note": "varchar"})
    assert load_one(url, table, lake).deliveries[0].status == "loaded"
    assert raw(lake, table, "select * from raw.empty") == []


def test_a_table_or_column_that_is_not_there_names_those_that_are(url, write, lake):
    write("create table clientes (id integer primary key, nombre text)")
    with pytest.raises(RelationMissing, match=r"no table or view pedidos\. There is: clientes\."):
        load_one(url, make_table("pedidos", {"id": "bigint"}), lake)
    with pytest.raises(SchemaChanged, match=r"has no column mail\. It has: id, nombre"):
        load_one(url, make_table("clientes", {"id": "bigint", "mail": "varchar"}), lake)


def test_a_file_that_is_not_there_is_named_and_never_made(url, file, lake):
    with pytest.raises(DatabaseRefused) as raised:
        load_one(url, make_table("t", {"id": "bigint"}), lake)
    assert f"There is no SQLite file {file}" in str(raised.value)
    assert not file.exists()


def test_a_file_that_is_no_database_is_refused(url, file, lake):
    file.write_text("nothing like a database, but long enough to have a header" * 50)
    with pytest.raises(DatabaseRefused, match="The file is no SQLite database"):
        load_one(url, make_table("t", {"id": "bigint"}), lake)


def test_a_source_is_opened_for_reading_only(url, write):
    write("create table t (id integer)")
    with (
        make_engine(url).connect() as connection,
        pytest.raises(DatabaseRefused, match="readonly"),
        Sqlite().faults(),
    ):
        connection.exec_driver_sql("insert into t values (1)")


def test_a_locked_file_is_worth_another_try(url, file, write, lake, monkeypatch):
    monkeypatch.setattr("lakehouse.connectors.database.engine.CONNECT_SECONDS", 0.05)
    write("create table t (id integer)")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("begin exclusive")
        with pytest.raises(DatabaseUnavailable, match="database is locked"):
            load_one(url, make_table("t", {"id": "bigint"}), lake)


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


def test_an_incremental_table_reads_on_from_its_cursor_with_overlap(url, write, lake):
    write("create table t (id integer primary key, updated_at datetime, city text)")
    rows = [(n, f"2024-01-01 10:00:{n:02}", "Salta") for n in range(30)]
    write(("insert into t values (?, ?, ?)", [*rows, (99, None, "nowhere")]))
    table = make_table(
        "t", INCREMENTAL, load="incremental", key=["id"], cursor="updated_at", overlap=10
    )
    first = load_one(url, table, lake)
    assert first.rows_loaded == 31
    assert "1 rows have no updated_at" in "".join(first.findings)
    assert lake.ledger.cursor(table) == "2024-01-01 10:00:29"
    write("update t set updated_at = '2024-01-01 10:01:00', city = 'Jujuy' where id = 3")
    second = load_one(url, table, lake)
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


def test_a_cursor_over_mixed_values_is_refused(url, write, lake):
    write(
        "create table t (id integer primary key, seen)",
        ("insert into t values (?, ?)", [(1, 5), (2, "2024-01-01")]),
    )
    columns = {"id": "bigint", "seen": "varchar"}
    table = make_table("t", columns, load="incremental", key=["id"], cursor="seen")
    load_one(url, table, lake)
    with pytest.raises(CatalogInvalid, match="Column seen holds other values than text"):
        load_one(url, table, lake)


def test_the_same_table_loaded_twice_is_known(url, write, lake):
    write("create table t (id integer primary key)", "insert into t values (1), (2)")
    table = make_table("t", {"id": "bigint"})
    statuses = [load_one(url, table, lake).deliveries[0].status for _ in range(2)]
    assert statuses == ["loaded", "known"]


@pytest.mark.parametrize(
    ("declared", "held", "proposed"),
    [
        ("INT", "i", "bigint"),
        ("VARCHAR(20)", "t", "varchar"),
        ("DECIMAL(12, 2)", "ir", "decimal(12,2)"),
        ("DECIMAL(12, 2)", "t", "decimal(12,2)"),
        ("DECIMAL(60, 2)", "r", "varchar"),
        ("DECIMAL", "ir", "double"),
        ("DATETIME", "t", "timestamp"),
        ("DATETIME", "i", "bigint"),
        ("DATE", "", "date"),
        ("INTEGER", "it", "varchar"),
        ("INTEGER", "ir", "double"),
        ("BOOLEAN", "i", "boolean"),
        ("", "i", "bigint"),
        ("", "bt", "varchar"),
        ("", "", "varchar"),
        ("BLOB", "b", "blob"),
        ("BLOB", "bt", "blob"),
        ("TEXT", "b", "blob"),
        # SQLite itself takes this one for an integer, for the letters INT in it.
        ("FLOATING POINT", "r", "double"),
    ],
)
def test_a_type_is_proposed_from_what_is_declared_and_held(declared, held, proposed):
    classes = StorageClasses(*(letter in held for letter in "irtb"))
    assert proposed_type(declared, classes) == proposed


CELLS = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.binary(max_size=4),
    st.sampled_from(["19.99", "2024-01-31", "2024-01-31 10:00:00", "1e5", "0", "true", "NaN"]),
)
DECLARED = st.sampled_from(["", "INTEGER", "TEXT", "REAL", "DECIMAL(12,2)", "DATE", "BLOB", "BOOL"])
CONTRACTS = st.sampled_from(
    ["varchar", "bigint", "double", "decimal(12,2)", "date", "timestamp", "boolean", "blob"]
)


NUMBERS = itertools.count()


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(CELLS, min_size=1, max_size=8), DECLARED, CONTRACTS)
def test_any_value_arrives_equal_or_with_a_row_that_says_so(url, file, lake, cells, kind, contract):
    name = f"t{next(NUMBERS)}"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"create table {name} (id integer primary key, cell {kind})")
        connection.executemany(f"insert into {name} values (?, ?)", enumerate(cells))
        stored = dict(connection.execute(f"select id, cell from {name}"))
    table = make_table(name, {"id": "bigint", "cell": contract}, key=["id"], max_reject_share=1)
    (delivery,) = load_one(url, table, lake).deliveries
    assert delivery.rows_delivered == len(cells)
    if delivery.status == "quarantined":
        return
    assert delivery.rows_loaded + delivery.rows_rejected == len(cells)
    found = dict(raw(lake, table, f"select id, cell from raw.{name}"))
    told = reasons(lake)
    assert len(told) >= len(cells) - len(found)
    emptied = [reason for _, reason, loaded in told if loaded]
    for number, came in found.items():
        value = stored[number]
        if came is None and value is not None:
            is_blank = isinstance(value, str) and not value.strip()
            assert is_blank or any(f"(id {number})" in reason for reason in emptied), value
        elif came is not None:
            assert means_the_same(value, came), (value, came)


def means_the_same(value: Any, came: Any) -> bool:
    """Whether what came to the lake is what SQLite holds, in the contract's type."""
    written = str(value).strip().lower()
    if isinstance(came, bool):
        return written in (("1", "true", "t", "y") if came else ("0", "false", "f", "n"))
    if isinstance(came, int | float | Decimal | date):
        is_date = isinstance(came, date)
        same = (str(value), f"{value} 00:00:00")
        return str(came) in same if is_date else Decimal(written) == Decimal(str(came))
    if isinstance(came, bytes):
        return came in (value, str(value).encode()) or came.hex() == written
    if isinstance(value, bytes):
        return came in (f"X'{value.hex().upper()}'", blob_as_text(value))
    # Text among the bytes of a column declared BLOB is bytes too.
    texts = (str(value), blob_as_text(str(value).encode()))
    return float(came) == value if isinstance(value, float) else came in texts


def blob_as_text(value: bytes) -> str:
    with duckdb.connect() as session:
        return session.execute("select ?::blob::varchar", [value]).fetchone()[0]
