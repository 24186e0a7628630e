"""Whether two DuckDB files hold the same rows, compared inside DuckDB."""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from benchmarks.measurements import MeasurementError
from lakehouse.sql_quoting import sql_string

_SHOWN = 3
_MEMORY = "4GB"


def assert_equal_rows(one: Path, other: Path, tables: Mapping[str, tuple[str, str]]) -> None:
    """Make sure that tables hold the same rows, each as often, to the last bit of every float.

    Rows are compared by the sum of their hashes, which needs no memory; where it differs, by
    `except all` both ways, for the rows to show.

    Args:
        one: a DuckDB file.
        other: another one.
        tables: SQL of the same rows in each of the two, by the name to call them in a message.

    Raises:
        MeasurementError: naming what differs, with rows that only one of them has.
    """
    with duckdb.connect(config={"memory_limit": _MEMORY}) as connection:
        for name, file in (("one", one), ("other", other)):
            connection.execute(f"attach {sql_string(str(file))} as {name} (read_only)")
        for table, (sql, other_sql) in tables.items():
            found = _summed(connection, "one", sql), _summed(connection, "other", other_sql)
            if found[0] != found[1]:
                shown = _difference(connection, sql, other_sql)
                raise MeasurementError(
                    f"{table}: {found[0][0]:,} rows of {one} are not the {found[1][0]:,} of "
                    f"{other}. {shown}"
                )


def _summed(connection: duckdb.DuckDBPyConnection, database: str, sql: str) -> tuple[int, int]:
    connection.execute(f"use {database}")
    row = connection.execute(
        # A row of NULLs would count for nothing if its hash were not of a whole row.
        f"select count(*), coalesce(sum(hash(compared)::hugeint), 0) from ({sql}) as compared"
    ).fetchone()
    assert row
    return int(row[0]), int(row[1])


def _difference(connection: duckdb.DuckDBPyConnection, sql: str, other_sql: str) -> str:
    """A few rows that only one side has."""
    for name, text in (("one", sql), ("other", other_sql)):
        connection.execute(f"use {name}")
        connection.execute(f"create or replace temp table compared_{name} as {text}")
    told = []
    for name, against in (("one", "other"), ("other", "one")):
        rows = connection.execute(
            f"(from temp.compared_{name}) except all (from temp.compared_{against}) limit {_SHOWN}"
        ).fetchall()
        told.append(f"Only in {name}: {rows}")
    return "; ".join(told)
