"""What a table holds, computed on both sides piece by piece and compared by value.

A table that was just loaded lies in PostgreSQL in the order in which it was sent. So a piece of
its pages holds the same rows as a piece of the table in DuckDB: numbers and moments are compared by
their sums, everything that both write as the same text by a digest of these texts in order.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import duckdb
from psycopg import sql

from lakehouse.errors import PublishUnverified
from lakehouse.publish.postgres.column_figures import ColumnFigure, figures_of, is_same
from lakehouse.publish.postgres.column_types import PublishedColumn
from lakehouse.publish.postgres.json_values import verify_json
from lakehouse.publish.postgres.server import Session
from lakehouse.publish.postgres.table_pieces import (
    piece_query,
    pieces_of,
    rows_clause,
    with_percent,
)
from lakehouse.sql_quoting import sql_identifier


def verify(
    source: duckdb.DuckDBPyConnection,
    relation: str,
    session: Session,
    target: sql.Identifier,
    columns: Sequence[PublishedColumn],
    *,
    table: str,
) -> int:
    """Compare a table that this transaction filled with what it was filled from.

    Args:
        source: DuckDB session.
        relation: quoted name of the table in there.
        session: on the serving database.
        target: quoted name of the table in there.
        columns: all columns.
        table: `schema.table`, for messages.

    Returns:
        Rows of both.

    Raises:
        PublishUnverified: they differ; names the column.
    """
    figures = [(column, one) for column in columns for one in figures_of(column)]
    query = _query_there(figures, target)
    first, found = 0, 0
    total = source.execute(f"select count(*) from {relation}").fetchone() or (0,)
    with _reading_in_order(source) as ask:
        asked: list[tuple[tuple[Any, ...], Future[tuple[Any, ...]]]] = []
        for pages in pieces_of(session, target):
            theirs = session.execute(query, pages).fetchone()
            if theirs and theirs[0]:
                rows = range(first, first + theirs[0])
                asked.append((theirs, ask(_query_here(figures, relation, rows))))
                first = rows.stop
            while asked and (asked[0][1].done() or len(asked) > 2):
                found += _compare(*asked.pop(0), figures, table)
        for theirs, ours in asked:
            found += _compare(theirs, ours, figures, table)
    if found != total[0]:
        raise PublishUnverified(
            f"{table}: {found} rows in PostgreSQL, {total[0]} in the serving copy. "
            "Nothing was published; run again."
        )
    verify_json(source, relation, session, target, columns, table=table)
    return found


def _compare(
    theirs: tuple[Any, ...],
    asked: "Future[tuple[Any, ...]]",
    figures: Sequence[tuple[PublishedColumn, ColumnFigure]],
    table: str,
) -> int:
    ours = asked.result()
    if ours[0] != theirs[0]:
        raise PublishUnverified(
            f"{table}: more rows in PostgreSQL than in the serving copy. Nothing was published; "
            "run again."
        )
    for (column, figure), left, right in zip(figures, ours[1:], theirs[1:], strict=True):
        if not is_same(left, right, floating=figure.floating):
            raise PublishUnverified(
                f"{table}, column {column.name}: other values in PostgreSQL than in the serving "
                "copy. Nothing was published; run again."
            )
    return int(theirs[0])


@contextmanager
def _reading_in_order(
    source: duckdb.DuckDBPyConnection,
) -> Iterator[Callable[[str], "Future[tuple[Any, ...]]"]]:
    """Queries of DuckDB beside those of the server; one thread takes the rows in their order."""
    threads = (source.execute("select current_setting('threads')").fetchone() or (1,))[0]
    source.execute("set threads = 1")

    def ask(query: str) -> tuple[Any, ...]:
        with source.cursor() as cursor:
            return cursor.execute(query).fetchone() or (0,)

    try:
        with ThreadPoolExecutor(1, "verify") as beside:
            yield lambda query: beside.submit(ask, query)
    finally:
        source.execute(f"set threads = {int(threads)}")


def _query_here(
    figures: Sequence[tuple[PublishedColumn, ColumnFigure]], relation: str, rows: range
) -> str:
    asked = [one.duckdb.replace("{}", sql_identifier(column.name)) for column, one in figures]
    of = rows_clause(relation, [column for column, _ in figures], rows)
    return f"select {', '.join(['count(*)', *asked])} from {of}"


def _query_there(
    figures: Sequence[tuple[PublishedColumn, ColumnFigure]], target: sql.Identifier
) -> sql.Composed:
    asked: list[sql.Composable] = [sql.SQL("count(*)")]
    for column, one in figures:
        name = with_percent(sql.Identifier(column.name))
        asked.append(sql.SQL(one.postgres).format(*[name] * one.postgres.count("{}")))
    return piece_query(sql.SQL(", ").join(asked), target)
