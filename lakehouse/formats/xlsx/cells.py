"""Cells of a sheet as staged columns: numbers, dates and booleans by the cell, not by its look.

A column is staged with the cells' own type where a cast to the declared one decides; else as text
in the form that the table's dialect reads. Excel counts in doubles of 15 digits: a decimal column
takes 110.00000000000001 for 110, as Excel shows it.
"""

import datetime
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from lakehouse.format_options import CsvDialect
from lakehouse.source_catalog import Column

_NUMBER_KINDS = ("integer", "decimal", "double")
_MOMENT_KINDS = ("date", "timestamp", "timestamptz")
# Excel's day 0 and day 1: what a cell with a time and no date counts from.
_NO_DATE = (datetime.date(1899, 12, 30), datetime.date(1899, 12, 31))
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?")
_LARGEST_WHOLE = 2**63


def staged_type(delivered: pa.DataType, column: Column) -> pa.DataType:
    """Type in which cells of a column are staged: their own, or text."""
    kind = column.type.kind
    if types.is_floating(delivered) and kind in _NUMBER_KINDS:
        return pa.float64()
    if types.is_timestamp(delivered) and kind in _MOMENT_KINDS:
        return pa.timestamp("ms")
    if types.is_boolean(delivered) and kind == "boolean":
        return pa.bool_()
    return pa.string()


def staged_cells(cells: "pa.Array[Any]", column: Column, dialect: CsvDialect) -> "pa.Array[Any]":
    """Cells of one type, as `staged_type` says."""
    target = staged_type(cells.type, column)
    if target == pa.float64():
        return _without_noise(cells, column) if column.type.kind == "decimal" else cells
    if target != pa.string():
        return cells.cast(target)
    if types.is_floating(cells.type):
        return _number_texts(cells, column, dialect)
    if types.is_timestamp(cells.type):
        return _moment_texts(cells, column, dialect)
    if types.is_duration(cells.type):
        return _each(cells, _duration_text)
    return cells.cast(pa.string())


def mixed_cells(
    texts: "pa.Array[Any]",
    numbers: "pa.Array[Any]",
    is_number: "pa.Array[Any]",
    column: Column,
    dialect: CsvDialect,
) -> "pa.Array[Any]":
    """Text of a column whose cells have several types.

    Args:
        texts: of all cells; dates as ISO, numbers with few digits.
        numbers: cells as numbers, where they are or can be read as such.
        is_number: whether a cell holds a number or a boolean; NULL where it does not.
        column: with its declared type.
        dialect: of the table, which text that stands beside numbers is written in.
    """

    def one(text: str | None, number: float | None, marked: bool | None) -> str | None:
        if text is None or text in ("true", "false"):
            return text
        if marked is not None and number is not None:
            return number_text(number, column, dialect)
        if _MOMENT.fullmatch(text):
            return moment_text(datetime.datetime.fromisoformat(text), column, dialect)
        return text

    rows = zip(texts.to_pylist(), numbers.to_pylist(), is_number.to_pylist(), strict=True)
    return pa.array([one(*row) for row in rows], pa.string())


def number_text(number: float, column: Column, dialect: CsvDialect) -> str:
    """A number in full, without exponent, and without decimals if it is whole."""
    if column.type.kind == "decimal":
        number = _rounded(number, column.type.scale)
    if number.is_integer() and abs(number) < _LARGEST_WHOLE:
        text = str(int(number))
    else:
        text = format(Decimal(repr(number)), "f")
    return text.replace(".", dialect.decimal) if column.type.kind in _NUMBER_KINDS else text


def moment_text(moment: datetime.datetime, column: Column, dialect: CsvDialect) -> str:
    """A date cell as text: in the dialect's form for a column of dates, else ISO."""
    is_midnight = moment.time() == datetime.time()
    kind = column.type.kind
    if kind == "date" and is_midnight:
        return moment.strftime(dialect.date_format)
    if kind in ("timestamp", "timestamptz") and not moment.microsecond:
        return moment.strftime(dialect.timestamp_format)
    if kind not in _MOMENT_KINDS and moment.date() in _NO_DATE:
        return moment.time().isoformat()
    return moment.date().isoformat() if is_midnight else moment.isoformat(" ")


def _without_noise(numbers: "pa.Array[Any]", column: Column) -> "pa.Array[Any]":
    """Take the 15 digits that Excel vouches for, where the double has more decimals than fit."""
    scale = column.type.scale
    is_noisy: Any = pc.not_equal(pc.round(numbers, ndigits=scale), numbers)
    noisy = pc.indices_nonzero(is_noisy)
    if not len(noisy):
        return numbers
    values: list[float | None] = numbers.to_pylist()
    for place in noisy.to_pylist():
        values[place] = _rounded(values[place] or 0.0, scale)
    return pa.array(values, pa.float64())


def _rounded(number: float, scale: int) -> float:
    if not math.isfinite(number) or round(number, scale) == number:
        return number
    short = float(f"{number:.15g}")
    return short if round(short, scale) == short else number


def _number_texts(numbers: "pa.Array[Any]", column: Column, dialect: CsvDialect) -> "pa.Array[Any]":
    is_whole = pc.all(pc.equal(pc.trunc(numbers), numbers)).as_py()
    largest = pc.max(pc.abs(numbers)).as_py()
    if is_whole and largest is not None and largest < _LARGEST_WHOLE:
        return numbers.cast(pa.int64()).cast(pa.string())
    return _each(numbers, lambda value: number_text(value, column, dialect))


def _moment_texts(moments: "pa.Array[Any]", column: Column, dialect: CsvDialect) -> "pa.Array[Any]":
    days = moments.cast(pa.date32(), safe=False)
    is_dates = pc.all(pc.equal(days.cast(pa.timestamp("ms")), moments)).as_py() is not False
    earliest = pc.min(days).as_py()
    if is_dates and earliest is not None and earliest > _NO_DATE[-1]:
        return days.cast(pa.string())
    return _each(moments, lambda value: moment_text(value, column, dialect))


def _duration_text(value: datetime.timedelta) -> str:
    seconds, rest = divmod(abs(value), datetime.timedelta(seconds=1))
    minutes, second = divmod(seconds, 60)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"
    text += f".{rest.microseconds:06d}" if rest else ""
    return f"-{text}" if value < datetime.timedelta() else text


def _each(cells: "pa.Array[Any]", text: Callable[[Any], str]) -> "pa.Array[Any]":
    return pa.array([None if v is None else text(v) for v in cells.to_pylist()], pa.string())
