"""JSON that was loaded, compared by value: `jsonb` writes numbers, spaces and keys in its own way.

So the server is sent the texts once more, and compares what it makes of them with what it stored.
"""

from collections.abc import Sequence

import duckdb
from psycopg import sql

from lakehouse.errors import PublishUnverified
from lakehouse.publish.postgres.column_types import PublishedColumn
from lakehouse.publish.postgres.server import Session
from lakehouse.publish.postgres.table_pieces import (
    piece_query,
    pieces_of,
    rows_clause,
    with_percent,
)

_PIECE_BYTES = 2_000_000
_SENT = sql.SQL(
    "select md5(string_agg(coalesce(one::jsonb::text, ''), '|')) from unnest(%s::text[]) as one"
)


def verify_json(
    source: duckdb.DuckDBPyConnection,
    relation: str,
    session: Session,
    target: sql.Identifier,
    columns: Sequence[PublishedColumn],
    *,
    table: str,
) -> None:
    """Compare the JSON of a table that this transaction filled; arguments as of `verify`.

    Raises:
        PublishUnverified: a value differs; names the column.
    """
    of_json = [one for one in columns if one.postgres_type == "jsonb"]
    if not of_json:
        return
    sizes = " + ".join(f"coalesce(strlen({one.text}), 0)" for one in of_json)
    row = source.execute(f"select sum({sizes}) from {relation}").fetchone()
    stored = sql.SQL(", ").join(
        sql.SQL("md5(string_agg(coalesce({}::text, ''), '|'))").format(
            with_percent(sql.Identifier(one.name))
        )
        for one in of_json
    )
    query = piece_query(sql.SQL("count(*), {}").format(stored), target)
    texts = ", ".join(one.text for one in of_json)
    first = 0
    for pages in pieces_of(session, target, int(row[0] or 0) if row else 0, _PIECE_BYTES):
        there = session.execute(query, pages).fetchone() or (0,)
        rows = range(first, first + there[0])
        first = rows.stop
        sent = source.execute(
            f"select {texts} from {rows_clause(relation, columns, rows)}"
        ).fetchall()
        for number, column in enumerate(of_json):
            ours = session.execute(_SENT, [[one[number] for one in sent]]).fetchone()
            if ours != (there[number + 1],):
                raise PublishUnverified(
                    f"{table}, column {column.name}: other values in PostgreSQL than in the "
                    "serving copy. Nothing was published; run again."
                )
