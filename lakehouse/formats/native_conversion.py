"""SQL that casts a staged value to its declared type, strictly and without loss.

For columns that come with a type of their own (Parquet, databases), and for text that a
database wrote in DuckDB's own form of dates and times.
"""

from lakehouse.source_catalog import Column
from lakehouse.sql_quoting import sql_string

# What no number can be, as PostgreSQL writes it.
NOT_NUMBERS = ("NaN", "Infinity", "-Infinity")
_DAY = "[0-9]{4,6}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6}0*)?)?"
_OFFSET = "(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
_MIDNIGHT = r"00:00(?::00(?:\.0+)?)?"
# Patterns of LIKE for nearly all texts, which cost nothing: whole seconds, and microseconds.
_MOMENT_FORMS = ("____-__-__ __:__:__", "____-__-__ __:__:__.______")
_COMMON_FORMS = {
    "date": ("____-__-__",),
    "timestamp": _MOMENT_FORMS,
    "timestamptz": _MOMENT_FORMS,
}

# Casts between these may round or cut without an error: the way back shows it.
_LOSSY_TO = ("integer", "decimal", "double", "boolean", "date", "timestamp", "time")


def cast_sql(column: Column, identifier: str) -> str:
    """SQL of the value in the declared type; NULL where it is NULL or does not convert."""
    return f"try_cast({identifier} as {column.type.duckdb})"


def moment_sql(column: Column, identifier: str) -> str:
    """SQL of the date or time that a text of a database means; NULL where there is no such one.

    DuckDB's own cast takes the first ten letters of any text for a date, and passes over offsets
    and the words `infinity` and BC.

    Args:
        column: declared as date, timestamp or timestamptz.
        identifier: SQL of a text such as `2024-01-31 23:59:59.5`, with or without an offset;
            without one a timestamptz is UTC.
    """
    kind = column.type.kind
    cast = cast_sql(column, identifier)
    common = " or ".join(f"{identifier} like {sql_string(form)}" for form in _COMMON_FORMS[kind])
    branches = [(common, cast)]
    if kind == "date":
        branches.append((_has_form(identifier, f"{_DAY}(?:[ T]{_MIDNIGHT})?"), cast))
    else:
        branches.append((_has_form(identifier, f"{_DAY}(?:[ T]{_TIME})?"), cast))
        instant = f"try_cast({identifier} as timestamptz)"
        utc = instant if kind == "timestamptz" else f"timezone('UTC', {instant})"
        branches.append((_has_form(identifier, f"{_DAY}[ T]{_TIME}{_OFFSET}"), utc))
    whens = " ".join(f"when {condition} then {value}" for condition, value in branches)
    return f"case {whens} end"


def missing_moment_sql(column: Column, identifier: str) -> str:
    """SQL that holds for the text of a date or time that exists nowhere, or not in DuckDB.

    Such as `0000-00-00`, `2024-02-31`, `infinity`, dates before Christ and blanks; not for words.

    Args:
        column: declared as date, timestamp or timestamptz.
        identifier: SQL of the text.
    """
    time = _MIDNIGHT if column.type.kind == "date" else _TIME
    form = rf"(?:{_DAY}(?:[ T]{time}{_OFFSET}?)?(?: BC)?|-?infinity|\s*)"
    return (
        f"({identifier} is not null and ({moment_sql(column, identifier)}) is null "
        f"and {_has_form(identifier, form)})"
    )


def moment_fault_sql(column: Column, identifier: str) -> str:
    """SQL of the reason why a text is no date or time at all, NULL where it is or is missing."""
    return (
        f"case when {identifier} is not null and ({moment_sql(column, identifier)}) is null "
        f"and not {missing_moment_sql(column, identifier)} then 'not a {column.data_type}' end"
    )


def _has_form(identifier: str, form: str) -> str:
    return f"regexp_full_match({identifier}, {sql_string(form)})"


def cast_fault_sql(column: Column, staged_type: str, identifier: str) -> str | None:
    """SQL of the reason why a value does not convert, NULL where it does.

    Args:
        column: with its declared type.
        staged_type: name of the column's type in DuckDB.
        identifier: SQL of the value.

    Returns:
        None where every value converts.
    """
    if column.type.duckdb == staged_type or column.type.kind in ("text", "json"):
        return None
    cast = cast_sql(column, identifier)
    lost = f"{cast} is null"
    if column.type.kind in _LOSSY_TO and staged_type != "VARCHAR":
        lost += f" or try_cast({cast} as {staged_type}) is distinct from {identifier}"
    return (
        f"case when {identifier} is not null and ({lost}) "
        f"then 'a {staged_type.lower()} that is no {column.data_type}' end"
    )
