"""Columns that DuckDB's extension `postgres` writes in the binary format of COPY.

The format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"; each value as
the receive function of its type reads it. A value of `jsonb` begins with the number of its version.
"""

from typing import Any

_AS_THEY_ARE = frozenset(
    (
        *("boolean", "smallint", "integer", "bigint", "float", "double", "varchar", "enum", "blob"),
        *("uuid", "date", "time", "time with time zone", "interval"),
        *("timestamp", "timestamp with time zone"),
    )
)
_WIDENED = {
    "tinyint": "smallint",
    "utinyint": "smallint",
    "usmallint": "integer",
    "uinteger": "bigint",
    "ubigint": "decimal(20, 0)",
    "timestamp_s": "timestamp",
    "timestamp_ms": "timestamp",
}
# Most digits of a decimal in each size of integer that DuckDB holds decimals in.
_INTEGERS = (4, 9, 18, 38)
_GROUP = 4
_JSONB_VERSION = "chr(1)"


def binary_value(duckdb_type: Any, column: str, json_text: str | None) -> str | None:
    """Find what the extension is given so that PostgreSQL receives the exact value.

    Args:
        duckdb_type: as DuckDB describes it.
        column: quoted name.
        json_text: expression of its JSON, where it becomes `jsonb`.

    Returns:
        A DuckDB expression; None where the value does not go through the binary format, and its
        table is sent as CSV.
    """
    if json_text is not None:
        return f"{_JSONB_VERSION} || {json_text}"
    kind = duckdb_type.id
    if kind == "decimal":
        (_, digits), (_, scale) = duckdb_type.children
        return _decimal(column, digits, scale)
    if kind in _WIDENED:
        return f"cast({column} as {_WIDENED[kind]})"
    return column if kind in _AS_THEY_ARE else None


def _decimal(column: str, digits: int, scale: int) -> str | None:
    # The extension fills the last group of four decimals in the integer that holds the value, and
    # does not look whether it fits there.
    filled = -(-scale // _GROUP) * _GROUP
    holding = next(size for size in _INTEGERS if digits <= size)
    fitting = next((size for size in _INTEGERS if size >= max(holding, filled)), None)
    if fitting is None:
        return None
    return column if fitting == holding else f"cast({column} as decimal({fitting}, {scale}))"
