"""Pieces of a table that was just loaded, the same rows in PostgreSQL and in DuckDB."""

from collections.abc import Iterator, Sequence

from psycopg import sql

from lakehouse.publish.postgres.column_types import PublishedColumn
from lakehouse.publish.postgres.server import Session, one_value

# 8 MB: the texts that are not digested one by one are not longer together.
_MOST_PAGES = 1024
_IN_PIECE = sql.SQL("select {} from {} where ctid >= %s::tid and ctid < %s::tid")


def pieces_of(
    session: Session, target: sql.Identifier, content_bytes: int = 0, piece_bytes: int = 1
) -> Iterator[tuple[str, str]]:
    """First place of each piece, and the first one behind it: parameters of `piece_query`.

    Args:
        session: on the serving database.
        target: quoted name of the table.
        content_bytes: of what is held in memory of the whole table.
        piece_bytes: of what may be held of a piece, about; a piece has at least one page.
    """
    pages = int(
        one_value(
            session,
            "select pg_relation_size(%s::regclass) / current_setting('block_size')::bigint",
            target.as_string(session),
        )
    )
    fitting = pages * piece_bytes // content_bytes if content_bytes else _MOST_PAGES
    step = max(1, min(_MOST_PAGES, fitting))
    for page in range(0, pages, step):
        yield f"({page},0)", f"({page + step},0)"


def piece_query(asked: sql.Composable, target: sql.Identifier) -> sql.Composed:
    """A query of one piece; its parameters are what `pieces_of` gives."""
    return _IN_PIECE.format(asked, with_percent(target))


def with_percent(name: sql.Identifier) -> sql.SQL:
    """A quoted name in a query with parameters, in which a percent sign is written twice."""
    return sql.SQL(name.as_string().replace("%", "%%"))


def rows_clause(relation: str, columns: Sequence[PublishedColumn], rows: range) -> str:
    """What follows `from` in DuckDB for the rows of a piece, counted from 0."""
    if any(column.name.lower() == "rowid" for column in columns):
        return f"(from {relation} limit {len(rows)} offset {rows.start})"
    return f"{relation} where rowid >= {rows.start} and rowid < {rows.stop}"
