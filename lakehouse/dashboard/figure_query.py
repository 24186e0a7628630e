"""Figures as SQL over the published tables, the same for DuckDB and PostgreSQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Double,
    cast,
    func,
    literal,
    literal_column,
    select,
    true,
)

from lakehouse.dashboard.figure import Figure
from lakehouse.dashboard.publication import Query, ReadableTable, Row


class FigureUnfit(ValueError):
    """A figure asks for a table or column that is not published; the message names it."""


@dataclass(frozen=True)
class Period:
    """Days from `since` to `until`, both of them in it; None is open."""

    since: date | None = None
    until: date | None = None

    @property
    def is_open(self) -> bool:
        """Whether it holds every day."""
        return self.since is None and self.until is None


def table_of(figure: Figure, tables: Mapping[str, ReadableTable]) -> ReadableTable:
    """The published table of a figure, of whatever layer.

    Raises:
        FigureUnfit: it is not published, or lacks a column that the figure reads.
    """
    found = [one for one in tables.values() if one.name == figure.model]
    if not found:
        raise FigureUnfit(figure.model)
    table = found[0]
    missing = sorted(name for name in figure.columns_read if table.column(name) is None)
    if missing:
        raise FigureUnfit(f"{figure.model}.{missing[0]}")
    return table


def figure_query(figure: Figure, table: ReadableTable, period: Period) -> Query:
    """SQL of a figure.

    Its rows are, by `show`: of a number, the measure; of `months`, month and measure, the oldest
    first; of `bars`, value and measure, the greatest first; of a `table`, its columns. A measure
    is one column, or two that are to be divided: see `value_of`.

    Args:
        figure: it fits the table.
        table: the published one.
        period: what the figure's `period` has to be in.
    """
    of = table.clause.c
    conditions = [of[name] == literal(value) for name, value in figure.where.items()]
    if figure.period:
        day = cast(of[figure.period], Date)
        if period.since:
            conditions.append(day >= literal(period.since, Date))
        if period.until:
            conditions.append(day <= literal(period.until, Date))
    where = conditions or [true()]
    if figure.show == "table":
        rows = select(*(of[name] for name in figure.columns)).where(*where)
        if figure.order:
            rows = rows.order_by(of[figure.order].desc().nulls_last(), of[figure.columns[0]])
        return rows.limit(figure.top)
    parts = _measure(figure, table)
    if figure.show == "number":
        return select(*parts).select_from(table.clause).where(*where)
    if figure.show == "months":
        month = cast(
            func.date_trunc(literal_column("'month'"), of[str(figure.period)]), Date
        ).label("month")
        has_month = of[str(figure.period)].is_not(None)
        return select(month, *parts).where(has_month, *where).group_by(month).order_by(month)
    by = of[str(figure.by)]
    greatest: ColumnElement[Any] = parts[0]
    if len(parts) == 2:
        greatest = cast(parts[0], Double) / func.nullif(cast(parts[1], Double), 0)
    return (
        select(by, *parts)
        .where(*where)
        .group_by(by)
        .order_by(greatest.desc().nulls_last(), by)
        .limit(figure.top)
    )


def value_of(parts: Row) -> Any:
    """The value of a measure: its one column, or its first divided by its second.

    Returns:
        None where nothing was measured.
    """
    if len(parts) == 1:
        return parts[0]
    above, below = parts
    if above is None or not below:
        return None
    if isinstance(above, float) or isinstance(below, float):
        return float(above) / float(below)
    return Decimal(above) / Decimal(below)


def _measure(figure: Figure, table: ReadableTable) -> list[ColumnElement[Any]]:
    if figure.measure == "count":
        return [func.count()]
    column = table.clause.c[str(figure.column)]
    if figure.measure == "mean":
        return [func.avg(column)]
    if figure.measure == "share":
        return [func.count().filter(column), func.count(column)]
    if figure.per:
        return [func.sum(column), func.sum(table.clause.c[figure.per])]
    return [func.sum(column)]
