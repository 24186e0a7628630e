"""Figures of a column that DuckDB and PostgreSQL compute alike.

Numbers, dates and moments are summed. What both write as the same text is digested in the order of
the rows; where they differ in the order, so do the figures.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, LiteralString

from lakehouse.publish.postgres.column_types import PublishedColumn, with_leading_zero

# Of sums of logarithms: the order of adding differs, the values do not.
_RELATIVE_TOLERANCE = 1e-9
# A sum of decimals of that many digits fits DuckDB's 38 for a billion rows.
_DIGITS_SUMMED = 28
# Longer texts are digested one by one, so that a piece stays small.
_LONGEST_BYTES = 200


@dataclass(frozen=True)
class ColumnFigure:
    """One figure of a column, as each side computes it; `{}` is the column."""

    duckdb: str
    postgres: LiteralString
    floating: bool = False


def figures_of(column: PublishedColumn) -> list[ColumnFigure]:
    """Figures that together tell the values of a column; the first is how many there are."""
    kind = column.postgres_type.partition("(")[0]
    count = ColumnFigure("count({})", "count({})")
    return [count, *(_MORE[kind](column.duckdb_type) if kind in _MORE else [])]


def is_same(left: Any, right: Any, *, floating: bool) -> bool:
    """Whether a figure is the same on both sides; sums of doubles nearly are."""
    if left is None or right is None or isinstance(right, str):
        return bool(left == right)
    if floating:
        return bool(abs(left - right) <= _RELATIVE_TOLERANCE * max(1.0, abs(left)))
    return Decimal(str(left)) == Decimal(str(right))


def _whole(_given: str) -> list[ColumnFigure]:
    return [ColumnFigure("sum({})", "sum({})")]


def _boolean(_given: str) -> list[ColumnFigure]:
    same: LiteralString = "count(*) filter (where {})"
    return [ColumnFigure(same, same)]


def _written(_given: str) -> list[ColumnFigure]:
    """Whatever both sides write as the same text."""
    return [_digest("cast({} as varchar)", "cast({} as text)")]


def _text(given: str) -> list[ColumnFigure]:
    return [_digest("cast({} as varchar)" if given.startswith("ENUM") else "{}", "{}")]


def _binary(_given: str) -> list[ColumnFigure]:
    return [
        ColumnFigure(
            f"md5(string_agg(case when octet_length({{}}) > {_LONGEST_BYTES} then md5({{}}) "
            "else coalesce(lower(hex({})), '') end, '|'))",
            f"md5(string_agg(case when octet_length({{}}) > {_LONGEST_BYTES} then md5({{}}) "
            "else coalesce(encode({}, 'hex'), '') end, '|'))",
        )
    ]


def _times(given: str) -> list[ColumnFigure]:
    value = "cast({} as time)" if given == "TIME_NS" else "{}"
    return [_digest(f"cast({value} as varchar)", "cast({} as text)")]


def _digest(here: str, there: LiteralString) -> ColumnFigure:
    # The size of what lies outside of the page is known without reading it.
    return ColumnFigure(
        f"md5(string_agg(case when strlen({here}) > {_LONGEST_BYTES} then md5({here}) "
        f"else coalesce({here}, '') end, '|'))",
        f"md5(string_agg(case when octet_length({there}) > {_LONGEST_BYTES} then md5({there}) "
        f"else coalesce({there}, '') end, '|'))",
    )


def _dates(_given: str) -> list[ColumnFigure]:
    days: LiteralString = "sum(case when isfinite({}) then {} - date '2000-01-01' end)"
    return [ColumnFigure(days, days), _infinite()]


def _numeric(given: str) -> list[ColumnFigure]:
    digits = int(given[8:].partition(",")[0]) if given.startswith("DECIMAL(") else 0
    if given == "UBIGINT" or 0 < digits <= _DIGITS_SUMMED:
        return _whole(given)
    return [_digest(with_leading_zero("cast({} as varchar)"), "cast({} as text)")]


def _floating(_given: str) -> list[ColumnFigure]:
    value: LiteralString = "cast({} as double precision)"
    there: LiteralString = f"{value} > -1.7e308 and {value} < 1.7e308"
    size: LiteralString = f"ln(1 + abs({value}))"
    return [
        ColumnFigure(
            f"sum({size}) filter (where isfinite({{}}) and abs({value}) < 1.7e308)",
            f"sum({size}) filter (where {there})",
            floating=True,
        ),
        ColumnFigure("count(*) filter (where {} < 0)", "count(*) filter (where {} < 0)"),
        ColumnFigure("count(*) filter (where isnan({}))", "count(*) filter (where {} = 'NaN')"),
    ]


def _timestamps(given: str) -> list[ColumnFigure]:
    here = "sum(case when isfinite({}) then cast(epoch_us({}) as hugeint) end)"
    if given in ("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"):
        here = here.replace("{}", "cast({} as timestamp)")
    there: LiteralString = "sum(case when isfinite({}) then extract(epoch from {}) end) * 1000000"
    return [ColumnFigure(here, there), _infinite()]


def _intervals(_given: str) -> list[ColumnFigure]:
    months: LiteralString = "sum(extract(year from {}) * 12 + extract(month from {}))"
    days: LiteralString = "sum(extract(day from {}))"
    time: LiteralString = (
        "sum(extract(hour from {}) * 3600000000 + extract(minute from {}) * 60000000 "
        "+ extract(microseconds from {}))"
    )
    return [ColumnFigure(one, one) for one in (months, days, time)]


def _infinite() -> ColumnFigure:
    same: LiteralString = "count(*) filter (where not isfinite({}))"
    return ColumnFigure(same, same)


# JSON is counted only: jsonb writes numbers, spaces and keys in its own way.
_MORE: dict[str, Callable[[str], list[ColumnFigure]]] = {
    **dict.fromkeys(("smallint", "integer", "bigint"), _whole),
    **dict.fromkeys(("real", "double precision"), _floating),
    **dict.fromkeys(("timestamp without time zone", "timestamp with time zone"), _timestamps),
    **dict.fromkeys(("time without time zone", "time with time zone"), _times),
    **dict.fromkeys(("uuid", "bit varying"), _written),
    "numeric": _numeric,
    "boolean": _boolean,
    "text": _text,
    "bytea": _binary,
    "date": _dates,
    "interval": _intervals,
}
