"""SQL that turns a cell's text into a value of its declared type, strictly and without loss.

DuckDB's casts alone round `12.7` to an INTEGER and `850.505` to a DECIMAL(18,2). Here a text
must first have the form of its type; typed cells are trimmed and an empty one is NULL. Text
columns stay as they are. Patterns are in RE2 syntax.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from lakehouse.format_options import CsvDialect
from lakehouse.formats.date_format import date_pattern, has_offset, has_time
from lakehouse.formats.nested_conversion import (
    nested_fault_sql,
    nested_leaves_sql,
    nested_value_sql,
)
from lakehouse.lake.column_types import parse_column_type
from lakehouse.sql_quoting import sql_string
from lakehouse.table_contract import Column

_BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"
_TRUE = ("true", "t", "y", "1")
_FALSE = ("false", "f", "n", "0")


@dataclass(frozen=True)
class _Reading:
    """How one type is read.

    Attributes:
        pattern: form of the texts that may convert.
        value: SQL of the value for the SQL of a text of that form; NULL if out of range.
        misfit: reasons for other texts, each with the pattern it is for; the last one has none.
        out_of_range: reason for a text of the right form whose value is NULL.
    """

    pattern: str
    value: str
    misfit: tuple[tuple[str | None, str], ...]
    out_of_range: str


def value_sql(column: Column, dialect: CsvDialect, identifier: str) -> str:
    """SQL of a cell's typed value, NULL where it is empty or does not convert.

    Args:
        column: with its declared type.
        dialect: decimal mark, digit groups and date formats of the file.
        identifier: quoted name of the VARCHAR column.
    """
    if column.type.kind == "nested":

        def leaf_value(duckdb_type: str, text: str) -> str:
            return value_sql(_leaf(duckdb_type), dialect, text)

        return nested_value_sql(column.type.duckdb, identifier, leaf_value)
    reading = _reading(column, dialect)
    if reading is None:
        return identifier
    pattern = sql_string(reading.pattern)
    trimmed = f"trim({identifier}, {_BLANKS})"
    # Trimming costs more than matching, and hardly any cell needs it.
    return (
        f"case when regexp_full_match({identifier}, {pattern}) "
        f"then {reading.value.format(text=identifier)} "
        f"when regexp_full_match({trimmed}, {pattern}) "
        f"then {reading.value.format(text=trimmed)} end"
    )


def strict_leaves_sql(column: Column, dialect: CsvDialect, value: str) -> str:
    """SQL of a nested value from one whose leaves are text; an error where a leaf does not convert.

    Args:
        column: declared as a list or struct.
        dialect: how its leaves are written.
        value: SQL of a value of `text_leaves_type`.
    """

    def leaf_value(duckdb_type: str, text: str) -> str:
        leaf = _leaf(duckdb_type)
        if leaf.type.kind == "text":
            return text
        misfit = f"case when {text} is not null then error('a leaf does not convert') end"
        return f"coalesce({value_sql(leaf, dialect, text)}, {misfit})"

    return nested_leaves_sql(column.type.duckdb, value, leaf_value)


def fault_sql(column: Column, dialect: CsvDialect, identifier: str) -> str | None:
    """SQL of the reason why a cell does not convert, NULL where it does.

    The reason never contains the cell's value.

    Args:
        column: with its declared type.
        dialect: decimal mark, digit groups and date formats of the file.
        identifier: quoted name of the VARCHAR column.

    Returns:
        None for text columns, which always convert.
    """
    if column.type.kind == "nested":

        def leaf_fault(duckdb_type: str, text: str) -> str | None:
            return fault_sql(_leaf(duckdb_type), dialect, text)

        filled = f"nullif(trim({identifier}, {_BLANKS}), '')"
        return nested_fault_sql(column.type.duckdb, filled, column.data_type, leaf_fault)
    reading = _reading(column, dialect)
    if reading is None:
        return None
    trimmed = f"trim({identifier}, {_BLANKS})"
    branches = [
        f"when {_matches(trimmed, reading.pattern)} then {sql_string(reading.out_of_range)}"
    ]
    for pattern, reason in reading.misfit:
        condition = _matches(trimmed, pattern) if pattern else "true"
        branches.append(f"when {condition} then {sql_string(reason)}")
    return (
        f"case when ({value_sql(column, dialect, identifier)}) is not null then null "
        f"when {identifier} is null or {trimmed} = '' then null {' '.join(branches)} end"
    )


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {sql_string(pattern)})"


def _reading(column: Column, dialect: CsvDialect) -> _Reading | None:
    kind = column.type.kind
    return None if kind == "text" else _READINGS[kind](column, dialect)


def _digits(dialect: CsvDialect) -> str:
    """Form of the digits before the decimal mark: ungrouped, or in well formed groups."""
    if dialect.thousands is None:
        return "[0-9]+"
    return f"(?:[0-9]+|[1-9][0-9]{{0,2}}(?:{re.escape(dialect.thousands)}[0-9]{{3}})+)"


def _number(dialect: CsvDialect) -> str:
    mark = re.escape(dialect.decimal)
    return f"[+-]?(?:{_digits(dialect)}(?:{mark}[0-9]*)?|{mark}[0-9]+)"


def _plain(dialect: CsvDialect) -> str:
    """SQL template of a number as DuckDB casts it: no groups, a point."""
    plain = "{text}"
    if dialect.thousands is not None:
        plain = f"replace({plain}, {sql_string(dialect.thousands)}, '')"
    return plain if dialect.decimal == "." else f"replace({plain}, ',', '.')"


def _not_a_number(dialect: CsvDialect) -> str:
    groups = f" and thousands {dialect.thousands!r}" if dialect.thousands else ""
    return f"not a number with decimal {dialect.decimal!r}{groups}"


def _integer(column: Column, dialect: CsvDialect) -> _Reading:
    mark = re.escape(dialect.decimal)
    return _Reading(
        f"[+-]?{_digits(dialect)}(?:{mark}0*)?",
        f"try_cast(split_part({_plain(dialect)}, '.', 1) as {column.type.duckdb})",
        ((None, "not an integer"),),
        f"out of range for {column.data_type}",
    )


def _decimal(column: Column, dialect: CsvDialect) -> _Reading:
    mark, scale = re.escape(dialect.decimal), column.type.scale
    leading = f"{mark}[0-9]{{1,{scale}}}0*" if scale else f"{mark}0+"
    return _Reading(
        f"[+-]?(?:{_digits(dialect)}(?:{mark}[0-9]{{0,{scale}}}0*)?|{leading})",
        f"try_cast({_plain(dialect)} as {column.type.duckdb})",
        ((_number(dialect), f"more than {scale} decimals"), (None, _not_a_number(dialect))),
        f"out of range for {column.data_type}",
    )


def _double(column: Column, dialect: CsvDialect) -> _Reading:
    value = f"try_cast({_plain(dialect)} as {column.type.duckdb})"
    return _Reading(
        f"{_number(dialect)}(?:[eE][+-]?[0-9]+)?",
        f"case when isfinite({value}) then {value} end",
        ((None, _not_a_number(dialect)),),
        f"out of range for {column.data_type}",
    )


def _boolean(_column: Column, _dialect: CsvDialect) -> _Reading:
    true = ", ".join(sql_string(word) for word in _TRUE)
    words = "|".join((*_TRUE, *_FALSE))
    return _Reading(
        f"(?i)(?:{words})",
        f"(lower({{text}}) in ({true}))",
        ((None, f"not a boolean ({', '.join((*_TRUE, *_FALSE))})"),),
        "not a boolean",
    )


def _date(_column: Column, dialect: CsvDialect) -> _Reading:
    date_format = dialect.date_format
    moment = _moment(date_format)
    value = f"cast({moment} as date)"
    if has_time(date_format):
        value = f"case when {moment} = {value} then {value} end"
    return _Reading(
        date_pattern(date_format),
        value,
        ((None, f"not a date like {date_format}"),),
        f"no such date like {date_format}",
    )


def _timestamp(_column: Column, dialect: CsvDialect) -> _Reading:
    timestamp_format = dialect.timestamp_format
    return _Reading(
        date_pattern(timestamp_format),
        _moment(timestamp_format),
        ((None, f"not a timestamp like {timestamp_format}"),),
        f"no such time like {timestamp_format}",
    )


def _timestamptz(_column: Column, dialect: CsvDialect) -> _Reading:
    timestamp_format = dialect.timestamp_format
    # Without an offset the text is taken as UTC.
    return _Reading(
        date_pattern(timestamp_format),
        f"timezone('UTC', {_moment(timestamp_format)})",
        ((None, f"not a timestamp like {timestamp_format}"),),
        f"no such time like {timestamp_format}",
    )


def _time(_column: Column, _dialect: CsvDialect) -> _Reading:
    return _Reading(
        "[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\\.[0-9]{1,6})?)?",
        "try_cast({text} as time)",
        ((None, "not a time like 23:59:59"),),
        "no such time like 23:59:59",
    )


def _binary(_column: Column, _dialect: CsvDialect) -> _Reading:
    return _Reading(
        "(?:[0-9A-Fa-f]{2})+", "unhex({text})", ((None, "not hexadecimal"),), "not hexadecimal"
    )


def _json(_column: Column, _dialect: CsvDialect) -> _Reading:
    return _Reading(
        "(?s).+",
        "case when json_valid({text}) then {text} end",
        ((None, "not JSON"),),
        "not JSON",
    )


def _leaf(duckdb_type: str) -> Column:
    """A column like a leaf of a nested value; text where contracts have no such type."""
    try:
        return Column(name="leaf", data_type=parse_column_type(duckdb_type).duckdb)
    except ValueError:
        return Column(name="leaf")


def _moment(date_format: str) -> str:
    literal = sql_string(date_format).replace("{", "{{").replace("}", "}}")
    moment = f"try_strptime({{text}}, {literal})"
    # With an offset DuckDB gives an instant, which a cast would show in the session's zone.
    return f"timezone('UTC', {moment})" if has_offset(date_format) else moment


_READINGS: dict[str, Callable[[Column, CsvDialect], _Reading]] = {
    "integer": _integer,
    "decimal": _decimal,
    "double": _double,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    "timestamptz": _timestamptz,
    "time": _time,
    "binary": _binary,
    "json": _json,
}
