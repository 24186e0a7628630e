"""How a column of SQLite is staged, by its declared type and by the values that it holds."""

import re
from dataclasses import dataclass
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

    @property
    def classes(self) -> int:
        """How many there are."""
        return sum(self)


NO_VALUES = StorageClasses(integer=False, real=False, text=False, blob=False)


@dataclass(frozen=True)
class SqliteColumn(ServerColumn):
    """A column with the classes of the values that it holds."""

    held: StorageClasses = NO_VALUES


def server_column(
    name: str, declared: str, held: StorageClasses, *, nullable: bool
) -> SqliteColumn:
    """Say how a column is staged: in its own type if its values are of one class, else as text.

    Numbers of a column declared DECIMAL are staged as the shortest text that means them: 19.99,
    which SQLite keeps as a binary number, stays 19.99.

    Args:
        name: of the column.
        declared: its type in the table's SQL; empty where it has none.
        held: classes of the values in it.
        nullable: whether it may be NULL.
    """
    data_type = proposed_type(declared, held)
    return SqliteColumn(
        name,
        declared,
        _arrow_type(declared.lower(), data_type, held),
        sql_identifier(name),
        data_type,
        nullable,
        held,
    )


def proposed_type(declared: str, held: StorageClasses) -> str:
    """The contract's type for a column: the declared one, unless its values say otherwise."""
    kind = _declared_type(declared.lower())
    if not any(held):
        return kind or "varchar"
    if held.blob and kind != "blob":
        return "blob" if held.classes == 1 else "varchar"
    is_number = kind in ("bigint", "boolean", "double")
    is_moment = kind in ("date", "timestamp", "timestamptz")
    # Of a date as a number, seconds, milliseconds and days are all in use: a person has to say.
    misfits = (
        kind in (None, "blob")
        or (is_number and held.text)
        or (kind in ("bigint", "boolean") and held.real)
        or (is_moment and (held.integer or held.real))
    )
    return _type_of_values(held) if misfits or kind is None else kind


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
    if data_type == "blob":
        return pa.binary()
    if held.classes > 1 or held.text or _DECIMAL.match(declared):
        return pa.string()
    if data_type == "double":
        return pa.float64()
    return pa.int64() if held.integer or data_type == "bigint" else pa.string()
