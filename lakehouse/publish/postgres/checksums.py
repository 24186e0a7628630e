"""Counts and sums of a table, computed on both sides and compared.

They find rows and values that were lost, doubled or changed on the way. That a type is carried
exactly is the matter of `column_types` and its tests.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, LiteralString

import duckdb
from psycopg import sql

from lakehouse.errors import PublishUnverified
from lakehouse.publish.postgres.column_types import PublishedColumn
from lakehouse.publish.postgres.server import Session
from lakehouse.sql_quoting import sql_identifier

# Of sums of logarithms: the order of adding differs, the values do not.
_RELATIVE_TOLERANCE = 1e-9
# A sum of decimals of that many digits fits DuckDB's 38 for a billion rows.
_DIGITS_SUMMED = 28


@dataclass(frozen=True)
class _Sum:
    """One figure of a column, as each side computes it; `{}` is the column."""

    duckdb: str
    postgres: LiteralString
    floating: bool = False


def verify(
    source: duckdb.DuckDBPyConnection,
    relation: str,
    session: Session,
    target: sql.Composable,
    columns: Sequence[PublishedColumn],
    *,
    table: str,
) -> int:
    """Compare a table on both sides.

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
    figures = [(column, one) for column in columns for one in _figures(column)]
    ours = _fetched(source, figures, relation)
    theirs = _fetched_there(session, figures, target)
    if ours[0] != theirs[0]:
        raise PublishUnverified(
            f"{table}: {theirs[0]} rows in PostgreSQL, {ours[0]} in the serving copy. "
            "Nothing was published; run again."
        )
    for (column, figure), left, right in zip(figures, ours[1:], theirs[1:], strict=True):
        if not _same(left, right, floating=figure.floating):
            raise PublishUnverified(
                f"{table}, column {column.name}: other values in PostgreSQL than in the serving "
                "copy. Nothing was published; run again."
            )
    return int(ours[0])


def _fetched(
    source: duckdb.DuckDBPyConnection, figures: Sequence[tuple[PublishedColumn, _Sum]], of: str
) -> tuple[Any, ...]:
    asked = [one.duckdb.replace("{}", sql_identifier(column.name)) for column, one in figures]
    row = source.execute(f"select {', '.join(['count(*)', *asked])} from {of}").fetchone()
    return row or ()


def _fetched_there(
    session: Session, figures: Sequence[tuple[PublishedColumn, _Sum]], of: sql.Composable
) -> tuple[Any, ...]:
    asked = [_asked_there(one, column) for column, one in figures]
    figure = sql.SQL(", ").join([sql.SQL("count(*)"), *asked])
    query = sql.SQL("select {} from {}").format(figure, of)
    row = session.execute(query).fetchone()
    return row or ()


def _asked_there(one: _Sum, column: PublishedColumn) -> sql.Composable:
    names = [sql.Identifier(column.name)] * one.postgres.count("{}")
    return sql.SQL(one.postgres).format(*names)


def _figures(column: PublishedColumn) -> list[_Sum]:
    kind = column.postgres_type.partition("(")[0]
    count = _Sum("count({})", "count({})")
    return [count, *(_MORE[kind](column.duckdb_type) if kind in _MORE else [])]


def _whole(_given: str) -> list[_Sum]:
    return [_Sum("sum({})", "sum({})")]


def _boolean(_given: str) -> list[_Sum]:
    return [_Sum("count(*) filter (where {})", "count(*) filter (where {})")]


def _text(given: str) -> list[_Sum]:
    value = "cast({} as varchar)" if given.startswith("ENUM") else "{}"
    return [_Sum(f"sum(strlen({value}))", "sum(octet_length({}))")]


def _binary(_given: str) -> list[_Sum]:
    return [_Sum("sum(octet_length({}))", "sum(octet_length({}))")]


def _dates(_given: str) -> list[_Sum]:
    days: LiteralString = "sum(case when isfinite({}) then {} - date '2000-01-01' end)"
    return [_Sum(days, days), _infinite()]


def _numeric(given: str) -> list[_Sum]:
    if given == "BIGNUM":
        return [_Sum("sum(strlen(cast({} as varchar)))", "sum(octet_length(cast({} as text)))")]
    digits = int(given[8:].partition(",")[0]) if given.startswith("DECIMAL(") else 0
    if given == "UBIGINT" or 0 < digits <= _DIGITS_SUMMED:
        return _whole(given)
    return [_Sum("sum({} % 1000003)", "sum({} % 1000003)")]


def _floating(_given: str) -> list[_Sum]:
    value: LiteralString = "cast({} as double precision)"
    there: LiteralString = f"{value} > -1.7e308 and {value} < 1.7e308"
    size: LiteralString = f"ln(1 + abs({value}))"
    return [
        _Sum(
            f"sum({size}) filter (where isfinite({{}}) and abs({value}) < 1.7e308)",
            f"sum({size}) filter (where {there})",
            floating=True,
        ),
        _Sum("count(*) filter (where {} < 0)", "count(*) filter (where {} < 0)"),
        _Sum("count(*) filter (where isnan({}))", "count(*) filter (where {} = 'NaN')"),
    ]


def _timestamps(given: str) -> list[_Sum]:
    here = "sum(case when isfinite({}) then cast(epoch_us({}) as hugeint) end)"
    if given in ("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"):
        here = here.replace("{}", "cast({} as timestamp)")
    moments = _Sum(here, "sum(case when isfinite({}) then extract(epoch from {}) end) * 1000000")
    return [moments, _infinite()]


def _infinite() -> _Sum:
    same: LiteralString = "count(*) filter (where not isfinite({}))"
    return _Sum(same, same)


def _same(left: Any, right: Any, *, floating: bool) -> bool:
    if left is None or right is None:
        return left is right
    if floating:
        return bool(abs(left - right) <= _RELATIVE_TOLERANCE * max(1.0, abs(left)))
    return Decimal(str(left)) == Decimal(str(right))


_MORE: dict[str, Callable[[str], list[_Sum]]] = {
    **dict.fromkeys(("smallint", "integer", "bigint"), _whole),
    **dict.fromkeys(("real", "double precision"), _floating),
    **dict.fromkeys(("timestamp without time zone", "timestamp with time zone"), _timestamps),
    "numeric": _numeric,
    "boolean": _boolean,
    "text": _text,
    "bytea": _binary,
    "date": _dates,
}
