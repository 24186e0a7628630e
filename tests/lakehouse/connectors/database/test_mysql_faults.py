"""What MySQL's driver and sockets raise is worth another try, or is not, and shows no secret."""

import traceback

import pytest
from pymysql.err import InternalError, OperationalError, ProgrammingError
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError as WrappedError

from lakehouse.connectors.database.engine import dialect_of, make_engine, sql_name
from lakehouse.connectors.database.mysql.dialect import MySql
from lakehouse.connectors.database.mysql.faults import mysql_faults
from lakehouse.connectors.database.mysql.types import server_column
from lakehouse.errors import CatalogInvalid, DatabaseRefused, DatabaseUnavailable

SECRET = "open-sesame"
URL = make_url(f"mysql+pymysql://reader:{SECRET}@db.example:3306/shop")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OperationalError(2013, "Lost connection"), DatabaseUnavailable),
        (OperationalError(1205, "Lock wait timeout exceeded"), DatabaseUnavailable),
        (OperationalError(1053, "Server shutdown in progress"), DatabaseUnavailable),
        (OperationalError(1040, "Too many connections"), DatabaseUnavailable),
        (InternalError("Packet sequence number wrong"), DatabaseUnavailable),
        (TimeoutError("timed out"), DatabaseUnavailable),
        (ConnectionResetError(104, "Connection reset by peer"), DatabaseUnavailable),
        (OperationalError(1045, "Access denied for user 'reader'"), DatabaseRefused),
        (OperationalError(2003, "Can't connect (CERTIFICATE_VERIFY_FAILED)"), DatabaseRefused),
        (OperationalError(1049, "Unknown database 'shop'"), DatabaseRefused),
        (ProgrammingError(1146, "Table 'shop.x' doesn't exist"), DatabaseRefused),
        (RuntimeError("'cryptography' package is required"), DatabaseRefused),
        (WrappedError(SECRET, {}, OperationalError(2006, "gone")), DatabaseUnavailable),
    ],
)
def test_the_class_says_whether_another_try_may_help(error, kind):
    with pytest.raises(kind) as caught, mysql_faults():
        raise error
    assert type(caught.value) is kind
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_errors_that_are_nobody_s_fault_of_the_database_pass():
    with pytest.raises(KeyError), mysql_faults():
        raise KeyError("a")
    with pytest.raises(CatalogInvalid), mysql_faults():
        raise CatalogInvalid("a")


def test_an_engine_shows_no_password():
    engine = make_engine(URL)
    assert SECRET not in f"{engine!r} {engine.url} {dialect_of(URL)!r}"


def test_names_are_quoted_as_they_are():
    assert sql_name(make_engine(URL), "a`b%c%%d") == "`a``b%c%%d`"


@pytest.mark.parametrize(
    ("kind", "value"),
    [("int", "1 or 1=1"), ("datetime", "2024-01-01' or '1"), ("bigint", "nan"), ("time", "5")],
)
def test_a_cursor_of_another_type_is_refused(kind, value):
    with pytest.raises(CatalogInvalid, match="cannot be a cursor"):
        MySql().literal(server_column("c", kind, nullable=True, where="t"), value)


def test_text_of_any_letters_stays_inside_its_literal():
    column = server_column("c", "varchar(20)", nullable=True, where="t")
    assert MySql().literal(column, "a\\'; drop") == "'a\\\\''; drop'"
