"""Values of SQLite in the lake: by what they are, and not by their declared type."""

import itertools
import math
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from lakehouse.connectors.database.sqlite.types import StorageClasses, proposed_type
from lakehouse.errors import (
    DatabaseRefused,
)


def test_values_of_their_declared_types_arrive_exact(write, load_one, raw, make_table):
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
    load = load_one(table)
    assert (load.rows_loaded, load.findings) == (4, [])
    assert raw(table, f"select {', '.join(columns)} from raw.things order by id") == [
        (-(2**63), Decimal("-0.01"), 3.0, None, None, None, None, None, None, None, ""),
        (1, Decimal("19.99"), 0.1, "ñ😀", "[1]", date(2024, 2, 29),
         datetime(2024, 2, 29, 23, 59, 59, 123000), None, True, b"\0\xff", "007"),
        (2, Decimal("1234567890.10"), -1e308, "", '{"a": 1}', date(1, 1, 1),
         datetime(2024, 1, 1, 10), datetime(2024, 1, 1, 8, tzinfo=UTC), False, b"", "NULL"),
        (2**63 - 1, Decimal("5.00"), 5e-324, "a\0b", "null", None, None,
         datetime(2024, 1, 1, 10, tzinfo=UTC), None, None, None),
    ]  # fmt: skip


def test_a_value_that_is_not_of_its_declared_type_is_said_and_never_lost(
    write, load_one, reasons, make_table
):
    write(
        "create table mixed (id integer primary key, amount integer, price decimal(6,2))",
        (
            "insert into mixed values (?, ?, ?)",
            [(number, 1, 1.25) for number in range(40)]
            + [(50, "doce", 1.5), (51, 7, 19.999), (52, 1.5, 2), (53, b"\x01\x02", "x")],
        ),
    )
    table = make_table("mixed", {"id": "bigint", "amount": "integer", "price": "decimal(6,2)"})
    load = load_one(table)
    assert (load.rows_loaded, load.rows_rejected) == (40, 4)
    assert [row[:2] for row in reasons()] == [
        ("amount", "not an integer"),
        ("amount", "not an integer"),
        ("amount", "not an integer"),
        ("price", "more than 2 decimals"),
    ]


def test_the_same_values_are_all_loaded_where_the_contract_says_text(
    write, load_one, raw, make_table
):
    values = [1, "doce", 1.5, b"\x01\xab", 1e20, 0.1 + 0.2, -0.0, float("inf"), None, "NULL", ""]
    write(
        "create table mixed (id integer primary key, anything)",
        ("insert into mixed values (?, ?)", list(enumerate(values))),
    )
    table = make_table("mixed", {"id": "bigint", "anything": "varchar"})
    load_one(table)
    assert [cell for (cell,) in raw(table, "select anything from raw.mixed order by id")] == [
        "1", "doce", "1.5", "X'01AB'", "100000000000000000000", "0.30000000000000004", "-0",
        "Infinity", None, "NULL", "",
    ]  # fmt: skip


def test_an_infinite_number_empties_its_cell_where_a_decimal_is_declared(
    write, load_one, reasons, make_table
):
    write(
        "create table prices (id integer primary key, price decimal(12,2))",
        ("insert into prices values (?, ?)", [(1, 1.5), (2, math.inf), (3, -math.inf)]),
    )
    table = make_table("prices", {"id": "bigint", "price": "decimal(12,2)"}, key=["id"])
    assert load_one(table).rows_loaded == 3
    assert reasons() == [
        ("price", "-Infinity is no decimal(12,2), so the cell is NULL (id 3)", True),
        ("price", "Infinity is no decimal(12,2), so the cell is NULL (id 2)", True),
    ]


@pytest.mark.parametrize("text", ["2024-02-30", "0044-03-15 BC", "infinity", "", " "])
def test_a_date_that_does_not_exist_empties_its_cell_and_is_said(
    write, text, load_one, raw, reasons, make_table
):
    write("create table days (id integer primary key, day date)", "insert into days values (1, '')")
    write(("update days set day = ?", [(text,)]))
    table = make_table("days", {"id": "bigint", "day": "date"})
    assert load_one(table).rows_loaded == 1
    assert raw(table, "select day from raw.days") == [(None,)]
    assert reasons() == [("day", f"{text} does not exist, so the cell is NULL", True)]


@pytest.mark.parametrize(
    "text", ["2024-01-01 10:00:00", "2024-01-01x", "01/02/2024", "2024-1-5", "pendiente"]
)
def test_text_that_is_no_date_refuses_its_row(write, text, load_one, make_table):
    write(
        "create table days (id integer primary key, day date)",
        ("insert into days values (?, ?)", [(1, "2024-01-01"), (2, text)]),
    )
    load = load_one(make_table("days", {"id": "bigint", "day": "date"}))
    assert (load.rows_loaded, load.rows_rejected) == (1, 1)


def test_a_boolean_of_two_is_refused_and_not_taken_for_true(write, load_one, make_table):
    write(
        "create table flags (id integer primary key, flag boolean)",
        ("insert into flags values (?, ?)", [*((n, n % 2) for n in range(40)), (50, 2)]),
    )
    table = make_table("flags", {"id": "bigint", "flag": "boolean"})
    load = load_one(table)
    assert (load.rows_loaded, load.rows_rejected) == (40, 1)


def test_text_that_is_not_utf_8_refuses_the_table_by_the_name_of_its_column(
    write, load_one, make_table
):
    write("create table t (id integer primary key, name text)")
    write("insert into t values (1, cast(x'fffe' as text))")
    table = make_table("t", {"id": "bigint", "name": "varchar"})
    with pytest.raises(DatabaseRefused, match=r"shop\.t: Column name holds text that is not UTF-8"):
        load_one(table)


def test_names_of_any_letters_views_and_generated_columns_are_read(
    write, load_one, raw, make_table
):
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
        load_one(table)
        asked = ", ".join([*quoted, "twice"])
        found = raw(table, f"select {asked} from raw.strange")
        assert set(found) == {(*range(1, 10), 12)}


def test_an_empty_table_and_an_empty_column_are_loaded(write, load_one, raw, make_table):
    write("create table empty (id integer primary key, price decimal(12,2), note text)")
    table = make_table("empty", {"id": "bigint", "price": "decimal(12,2)", "note": "varchar"})
    assert load_one(table).deliveries[0].status == "loaded"
    assert raw(table, "select * from raw.empty") == []


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
    # A load each: to shrink a failing example takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cells=st.lists(CELLS, min_size=1, max_size=8), kind=DECLARED, contract=CONTRACTS)
@example(cells=[5.64424352516321e16], kind="", contract="bigint")
@example(cells=[5.644243525163185e16], kind="INTEGER", contract="double")
@example(cells=[2**53 + 1], kind="INTEGER", contract="double")
@example(cells=[4.159710808917462e16], kind="", contract="bigint")
def test_any_value_arrives_equal_or_with_a_row_that_says_so(
    file, cells, kind, contract, load_one, raw, reasons, make_table
):
    name = f"t{next(NUMBERS)}"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"create table {name} (id integer primary key, cell {kind})")
        connection.executemany(f"insert into {name} values (?, ?)", enumerate(cells))
        stored = dict(connection.execute(f"select id, cell from {name}"))
    table = make_table(name, {"id": "bigint", "cell": contract}, key=["id"], max_reject_share=1)
    (delivery,) = load_one(table).deliveries
    assert delivery.rows_delivered == len(cells)
    if delivery.status == "quarantined":
        return
    assert delivery.rows_loaded + delivery.rows_rejected == len(cells)
    found = dict(raw(table, f"select id, cell from raw.{name}"))
    told = reasons()
    assert len(told) >= len(cells) - len(found)
    emptied = [reason for _, reason, loaded in told if loaded]
    for number, came in found.items():
        value = stored[number]
        if came is None and value is not None:
            is_blank = isinstance(value, str) and not value.strip()
            assert is_blank or any(f"(id {number})" in reason for reason in emptied), value
        elif came is not None:
            assert means_the_same(value, came), (value, came)


def means_the_same_number(value: Any, came: int | float | Decimal) -> bool:
    if isinstance(value, float) and not isinstance(came, Decimal):
        # Beyond 2**53 a float has a shorter name than the whole number that it is.
        return float(came) == value
    if isinstance(value, int):
        return value == came
    return Decimal(str(value).strip()) == Decimal(str(came))


def means_the_same(value: Any, came: Any) -> bool:
    """Whether what came to the lake is what SQLite holds, in the contract's type."""
    written = str(value).strip().lower()
    if isinstance(came, bool):
        texts = ("1", "true", "t", "y") if came else ("0", "false", "f", "n")
        return value == came if isinstance(value, int | float) else written in texts
    if isinstance(came, date):
        return str(came) in (str(value), f"{value} 00:00:00")
    if isinstance(came, int | float | Decimal):
        return means_the_same_number(value, came)
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
