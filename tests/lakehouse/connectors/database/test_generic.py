"""Databases known to SQLAlchemy only, tried on SQLite through SQLAlchemy's own reflection."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pytest
from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

from lakehouse.connectors.database import generic
from lakehouse.connectors.database.dialect import ServerColumn
from lakehouse.connectors.database.engine import dialect_of
from lakehouse.connectors.database.generic import Generic, generic_faults
from lakehouse.errors import CatalogInvalid, DatabaseRefused, DatabaseUnavailable, RelationMissing


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    path = tmp_path / "any.db"
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute(
            'create table "Mis Ventas" (id integer primary key, "order" varchar(9), day date, '
            "price numeric(12,2), ratio float, photo blob, flag boolean, wide numeric(60,2))"
        )
        opened.executemany(
            'insert into "Mis Ventas" values (?, ?, ?, ?, ?, ?, ?, ?)',
            [(i, f"n{i}", "2024-01-31", 19.99, 0.5, b"\0", 1, 1.5) for i in range(12_000)]
            + [(12_000, *[None] * 7)],
        )
        opened.execute('create view seen as select * from "Mis Ventas"')
    with Generic().snapshot(create_engine(URL.create("sqlite", database=str(path))), 4) as opened:
        yield opened[0]


def test_any_other_url_has_the_generic_dialect():
    assert dialect_of(URL.create("oracle+oracledb", host="x")).name == "generic"


def test_a_table_is_described_by_reflection_and_its_names_are_quoted_where_they_need_it(connection):
    found = Generic().describe(connection, "Mis Ventas")
    assert (found.quoted, found.primary_key) == ('"Mis Ventas"', ("id",))
    assert [(column.expression, column.data_type) for column in found.columns] == [
        ("id", "bigint"), ('"order"', "varchar"), ("day", "date"), ("price", "decimal(12,2)"),
        ("ratio", "double"), ("photo", "blob"), ("flag", "boolean"), ("wide", "varchar"),
    ]  # fmt: skip
    assert Generic().describe(connection, "seen").primary_key == ()


def test_what_is_not_there_is_named_with_what_is(connection):
    with pytest.raises(RelationMissing, match="There is: Mis Ventas, seen"):
        Generic().describe(connection, "x.pedidos")


def test_rows_come_in_batches_and_decimals_as_text(connection):
    dialect = Generic()
    found = dialect.describe(connection, "Mis Ventas")
    selected = ", ".join(column.expression for column in found.columns)
    query = f"select {selected} from {found.quoted} order by id"
    batches = list(dialect.batches(connection, query, found.columns))
    assert len(batches) > 1
    rows = pa.Table.from_batches(batches).to_pylist()
    assert len(rows) == 12_001
    assert list(rows[7].values()) == [7, "n7", "2024-01-31", "19.99", 0.5, b"\0", True, "1.5"]
    assert list(rows[-1].values()) == [12_000, *[None] * 7]


def test_a_value_of_another_type_than_reflected_is_refused_by_its_column(connection):
    connection.execute(text("insert into \"Mis Ventas\" (id, ratio) values (20000, 'x')"))
    found = Generic().describe(connection, "Mis Ventas")
    with pytest.raises(
        DatabaseRefused, match=r"Column ratio of type FLOAT holds a value"
    ) as raised:
        list(Generic().batches(connection, f"select * from {found.quoted}", found.columns))
    assert "'x'" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (datetime(2024, 1, 31, 10, 0, 0, 5), "2024-01-31 10:00:00.000005"),
        (date(2024, 1, 31), "2024-01-31"),
        (time(1, 2, 3), "01:02:03"),
        (Decimal("1E+5"), "100000"),
        (1e-7, "0.0000001"),
        (b"\x00\xff", "00ff"),
        ({"ñ": [1, None]}, '{"ñ": [1, null]}'),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (True, "True"),
        ("", ""),
        (None, None),
    ],
)
def test_a_value_without_a_type_of_its_own_becomes_text(value, written):
    column = ServerColumn("c", "ANY", pa.string(), "c", "varchar")
    assert generic._cells(column, [value]).to_pylist() == [written]


def test_literals_are_of_the_column_s_type():
    dialect = Generic()

    def column(kind: pa.DataType, data_type: str) -> ServerColumn:
        return ServerColumn("c", "ANY", kind, "c", data_type)

    moment = column(pa.string(), "timestamp")
    literal = dialect.literal(moment, "2024-03-01 00:00:05.5")
    assert literal == "timestamp '2024-03-01 00:00:05.5'"
    assert dialect.before(moment, literal, 10) == "timestamp '2024-02-29 23:59:55'"
    assert dialect.literal(column(pa.string(), "varchar"), "it's") == "'it''s'"
    number = column(pa.int64(), "bigint")
    assert dialect.before(number, dialect.literal(number, "7"), 2) == "(7 - 2.000000)"
    with pytest.raises(CatalogInvalid, match="another type"):
        dialect.literal(number, "7 or 1=1")
    with pytest.raises(CatalogInvalid, match="cannot be a cursor"):
        dialect.literal(column(pa.string(), "decimal(12,2)"), "7")


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (OperationalError("select", {}, Exception("gone away")), DatabaseUnavailable),
        (InterfaceError("select", {}, Exception("closed")), DatabaseUnavailable),
        (ProgrammingError("select", {}, Exception("no such column")), DatabaseRefused),
        (ConnectionResetError("reset"), DatabaseUnavailable),
    ],
)
def test_errors_of_any_driver_are_worth_another_try_or_not(raised, expected):
    with pytest.raises(expected) as caught, generic_faults():
        raise raised
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None
