"""Rows of Python values in a DuckDB table: every value arrives, and nothing heavy is imported."""

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.lake.insert_rows import insert_rows

MOMENTS = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)
ROWS = st.lists(
    st.tuples(
        st.none() | st.text(st.characters(exclude_categories=["Cs"])),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | MOMENTS,
        st.none() | st.booleans(),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
    ),
    max_size=20,
)


@given(rows=ROWS)
def test_every_value_comes_back_as_it_was(rows):
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(
            "create table kept (a VARCHAR, b BIGINT, c TIMESTAMPTZ, d BOOLEAN, e DOUBLE)"
        )
        insert_rows(connection, "kept", rows)
        read = connection.execute("select a, b, c at time zone 'UTC', d, e from kept").fetchall()
    naive = [(a, b, c.replace(tzinfo=None) if c else None, d, e) for a, b, c, d, e in rows]
    assert read == naive


def test_a_value_that_does_not_fit_its_column_is_refused():
    with duckdb.connect() as connection:
        connection.execute("create table kept (a INTEGER)")
        with pytest.raises(duckdb.ConversionException, match="many"):
            insert_rows(connection, "kept", [(1,), ("many",)])
        assert connection.execute("select count(*) from kept").fetchone() == (0,)


def test_exact_numbers_stay_exact():
    with duckdb.connect() as connection:
        connection.execute("create table kept (a DECIMAL(38, 2))")
        insert_rows(connection, "kept", [(Decimal("999999999999999999999999999999999999.99"),)])
        (read,) = connection.execute("select a from kept").fetchone()
    assert read == Decimal("999999999999999999999999999999999999.99")


def test_rows_are_inserted_without_importing_pandas():
    script = (
        "import sys, duckdb; from lakehouse.lake.insert_rows import insert_rows; "
        "c = duckdb.connect(); c.execute('create table t (a VARCHAR)'); "
        "insert_rows(c, 't', [('x',)]); print('pandas' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert told.stdout.strip() == b"False"
