"""Rows of a DuckDB table into a PostgreSQL table, as one stream of COPY, flat in memory."""

import fcntl
import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import LiteralString

import duckdb
import psycopg
from psycopg import sql

from lakehouse.errors import PublishRefused
from lakehouse.lake.duckdb_session import resources_suffice
from lakehouse.publish.postgres.column_types import PublishedColumn
from lakehouse.publish.postgres.server import Session
from lakehouse.sql_quoting import sql_identifier

_CSV, _BINARY = "csv", "binary"
_PIPE_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 18
_NUL = "contains({column}, chr(0))"
# Beyond these PostgreSQL has no dates; see its table of date and time types.
_FIRST, _LAST_DATE = "4713-11-24 (BC)", "5874897-12-31"
_OUTSIDE = {
    "date": f"isfinite({{column}}) and ({{column}} < date '{_FIRST}' "
    f"or {{column}} > date '{_LAST_DATE}')",
    "timestamp without time zone": f"isfinite({{column}}) "
    f"and cast({{column}} as timestamp) < timestamp '{_FIRST}'",
    "timestamp with time zone": f"isfinite({{column}}) and {{column}} < timestamptz '{_FIRST}'",
    "text": _NUL,
    "jsonb": "contains(cast({column} as varchar), chr(0)) "
    r"or regexp_matches(cast({column} as varchar), '(^|[^\\])(\\\\)*\\u0000')",
}
_COLUMN = re.compile(r"\bcolumn (.+?)(?::|$)", re.MULTILINE)


def copy_rows(
    source: duckdb.DuckDBPyConnection,
    relation: str,
    session: Session,
    target: sql.Composable,
    columns: Sequence[PublishedColumn],
    *,
    table: str,
) -> int:
    """Load a table that was created or truncated in the session's own transaction.

    The rows are written frozen: a transaction that is older than the publication sees all of them
    once it is committed, instead of an empty table. They go in the binary format, as CSV if one
    of the columns cannot.

    Args:
        source: DuckDB session, with the extension `postgres`.
        relation: quoted name of the table in there.
        session: on the serving database.
        target: quoted name of the table to fill.
        columns: all columns, in the order of `target`.
        table: `schema.table`, for messages.

    Returns:
        Rows that the server took.

    Raises:
        PublishRefused: a value that PostgreSQL cannot hold; names column and row.
        ResourcesExhausted: memory or disk did not suffice for reading.
        psycopg.Error: anything else that the server refused.
    """
    is_binary = all(column.binary is not None for column in columns)
    form: LiteralString = _BINARY if is_binary else _CSV
    statement = sql.SQL("copy {} ({}) from stdin (format {}, freeze)").format(
        target,
        sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
        sql.SQL(form),
    )
    query = (_binary_query if is_binary else _csv_query)(relation, columns)
    cursor = session.cursor()
    try:
        with resources_suffice(f"publication of {table}"):
            _refuse_outside(source, relation, columns, table)
            with _stream(source, query, relation) as chunks, cursor.copy(statement) as copy:
                for chunk in chunks:
                    copy.write(chunk)
    except duckdb.InvalidInputException as error:
        # Said by the text of a column itself; of a binary stream only a NUL is left to be said.
        said = str(error).partition(": ")[2] or str(error)
        why = f"{said} Nothing was published."
        raise PublishRefused(
            _unfit_value(source, relation, columns, table) if is_binary else why
        ) from None
    except (psycopg.errors.DataError, psycopg.errors.UntranslatableCharacter) as error:
        raise PublishRefused(_unfit_value(source, relation, columns, table, error)) from None
    return cursor.rowcount


def _binary_query(relation: str, columns: Sequence[PublishedColumn]) -> tuple[str, str]:
    values = ", ".join(str(column.binary) for column in columns)
    return f"select {values} from {relation}", "format postgres_binary"


def _csv_query(relation: str, columns: Sequence[PublishedColumn]) -> tuple[str, str]:
    texts = ", ".join(column.text for column in columns)
    # An empty text is quoted anyway. In a line of its own, \. would be taken for the end.
    quoted = sql_identifier("c0") if len(columns) == 1 and _is_text(columns[0]) else ""
    names = ", ".join(sql_identifier(f"c{number}") for number in range(len(columns)))
    return (
        f"select * from (select {texts} from {relation}) as published({names})",
        f"format csv, header false{f', force_quote ({quoted})' if quoted else ''}",
    )


@contextmanager
def _stream(
    source: duckdb.DuckDBPyConnection, query: tuple[str, str], relation: str
) -> Iterator[Iterator[bytes]]:
    """What DuckDB writes into a pipe; its failure is raised where the stream is read."""
    reading, writing = os.pipe()
    with suppress(OSError):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    selected, options = query
    statement = f"copy ({selected}) to '/dev/fd/{writing}' ({options}, use_tmp_file false)"
    cursor, faults = source.cursor(), []

    def write() -> None:
        try:
            cursor.execute(statement)
        except BaseException as error:  # noqa: BLE001 - raised again by the reader below
            faults.append(error)
        finally:
            os.close(writing)

    writer = threading.Thread(target=write, name=f"rows of {relation}", daemon=True)

    def read() -> Iterator[bytes]:
        while chunk := os.read(reading, _CHUNK_BYTES):
            yield chunk
        writer.join()
        # An early end of the stream must not look like the end of the table.
        if faults:
            raise faults[0]

    writer.start()
    try:
        yield read()
    finally:
        # Whoever still writes gets an error at once, and ends.
        os.close(reading)
        writer.join()
        cursor.close()


def _is_text(column: PublishedColumn) -> bool:
    return column.postgres_type in ("text", "jsonb")


def _refuse_outside(
    source: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Sequence[PublishedColumn],
    table: str,
) -> None:
    # Beyond what an integer counts from the year 2000, a moment would come out as another one.
    tests = [
        f"bool_or({_OUTSIDE[one.postgres_type].format(column=sql_identifier(one.name))})"
        for one in columns
        if one.postgres_type in _OUTSIDE and not _is_text(one)
    ]
    if tests and any(source.execute(f"select {', '.join(tests)} from {relation}").fetchone() or ()):
        raise PublishRefused(_unfit_value(source, relation, columns, table))


def _unfit_value(
    source: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Sequence[PublishedColumn],
    table: str,
    error: psycopg.Error | None = None,
) -> str:
    """Name column and row, and never the value."""
    named = _COLUMN.search((error and error.diag.context) or "")
    suspects = [one for one in columns if named and one.name == named[1].strip()] or columns
    for column in suspects:
        test = _OUTSIDE.get(column.postgres_type)
        if test is None:
            continue
        value = sql_identifier(column.name)
        found = source.execute(
            f"select rowid + 1 from {relation} where {test.format(column=value)} limit 1"
        ).fetchone()
        if found:
            what = (
                "a NUL character (U+0000)"
                if _is_text(column)
                else f"a {column.duckdb_type.lower()} outside of its range"
            )
            return (
                f"{table}, column {column.name}, row {found[0]}: PostgreSQL cannot hold {what}. "
                "Nothing was published. Correct or replace the value in the model."
            )
    state = f" ({error.sqlstate})" if error else ""
    where = f", column {suspects[0].name}" if len(suspects) == 1 else ""
    return (
        f"{table}{where}: PostgreSQL cannot hold a value of it{state}. "
        "Nothing was published. Correct or replace the value in the model."
    )
