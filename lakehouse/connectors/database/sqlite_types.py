"""How a column of SQLite is staged, by its declared type and by the values that it holds."""

import re
from typing import NamedTuple

import pyarrow as pa

from lakehouse.connectors.database.dialect import ServerColumn
from lakehouse.sql_quoting import sql_identifier

MOST_DECIMAL_DIGITS = 38

_DECIMAL = re.compile(r"(?:decimal|dec|numeric|number|money)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")
# In the order in which SQLite itself looks for them.
_AFFINITIES = (
    (("int",), "bigint"),
    (("char", "clob", "text"), "varchar"),
    (("blob",), "blob"),
    (("real", "floa", "doub"), "double"),
)
_NAMED = (
    ("timestamptz", "timestamptz"),
    ("timestamp with time zone", "timestamptz"),
    ("timestamp", "timestamp"),
    ("datetime", "timestamp"),
    ("date", "date"),
    ("bool", "boolean"),
    ("json", "json"),
)


class StorageClasses(NamedTuple):
    """Which classes of values a column holds, besides NULL."""

    integer: bool
    real: bool
    text: bool
    blob: bool


def server_column(
    name: str, declared: str, held: StorageClasses, *, nullable: bool
) -> ServerColumn:
    """Say how a column is staged: in a type of its own if all values are of one class, else as text.

    Numbers of a column declared DECIMAL are staged as the shortest text that means them: 19.99,
    which SQLite keeps as a binary number, stays 19.99.

    Args:
        name: of the column.
        declared: its type in the table's SQL; empty where it has none.
        held: classes of the values in it.
        nullable: whether it may be NULL.
    """
    data_type = proposed_type(declared, held)
    return ServerColumn(
        name,
        declared,
        _arrow_type(declared.lower(), data_type, held),
        sql_identifier(name),
        data_type,
        nullable,
    )


def proposed_type(declared: str, held: StorageClasses) -> str:
    """The contract's type for a column: the declared one, unless its values say otherwise."""
    kind = _declared_type(declared.lower())
    if not any(held):
        return kind or "varchar"
    if held.blob and kind != "blob":
        return "blob" if sum(held) == 1 else "varchar"
    if kind == "blob" or kind is None:
        return _type_of_values(held)
    if kind in ("bigint", "boolean") and held.real and not held.text:
        return "double"
    if kind in ("bigint", "boolean", "double") and held.text:
        return "varchar"
    if kind in ("date", "timestamp", "timestamptz") and (held.integer or held.real):
        # Seconds, milliseconds and days are all in use: a person has to say which.
        return _type_of_values(held)
    return kind


def _declared_type(declared: str) -> str | None:
    """The contract's type for a declared one; None where SQLite itself knows nothing of it."""
    for word, kind in _NAMED:
        if declared.startswith(word):
            return kind
    if match := _DECIMAL.match(declared):
        precision, scale = int(match[1]), int(match[2] or 0)
        fits = 1 <= precision <= MOST_DECIMAL_DIGITS and scale <= precision
        return f"decimal({precision},{scale})" if fits else "varchar"
    for parts, kind in _AFFINITIES:
        if any(part in declared for part in parts):
            return kind
    return None


def _type_of_values(held: StorageClasses) -> str:
    if held.blob:
        return "blob"
    if held.text:
        return "varchar"
    return "double" if held.real else "bigint"


def _arrow_type(declared: str, data_type: str, held: StorageClasses) -> pa.DataType:
    if held.blob and (data_type == "blob" or sum(held) == 1):
        return pa.binary()
    if held == StorageClasses(True, False, False, False) and not _DECIMAL.match(declared):
        return pa.int64()
    if held == StorageClasses(False, True, False, False) and data_type == "double":
        return pa.float64()
    if not any(held) and data_type in ("bigint", "double", "blob"):
        empty = {"bigint": pa.int64(), "double": pa.float64(), "blob": pa.binary()}
        return empty[data_type]
    return pa.string()
