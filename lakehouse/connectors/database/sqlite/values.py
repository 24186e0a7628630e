"""Values of SQLite as Arrow arrays, exactly."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pyarrow as pa

from lakehouse.connectors.database.dialect import ServerColumn
from lakehouse.errors import DatabaseRefused, DatabaseUnavailable

# Beyond it a number is written with an exponent: no decimal has so many digits.
_MOST_DIGITS = 40


class _Text(bytes):
    """A TEXT value as its bytes, to tell it from a BLOB."""


@contextmanager
def bytes_of_text(driver: Any) -> Iterator[None]:
    """Have a connection give text as bytes, so that what is no Unicode is not lost."""
    before, driver.text_factory = driver.text_factory, _Text
    try:
        yield
    finally:
        driver.text_factory = before


def cells_of(column: ServerColumn, values: Sequence[Any]) -> "pa.Array[Any]":
    """Values of a column in the type in which it is staged.

    Raises:
        DatabaseRefused: a text is not UTF-8.
        DatabaseUnavailable: a value is of a class that the column did not hold before.
    """
    if pa.types.is_string(column.arrow_type):
        return pa.array([_text(column, value) for value in values], pa.string())
    if pa.types.is_binary(column.arrow_type):
        return pa.array([_bytes(column, value) for value in values], pa.binary())
    kind = int if pa.types.is_integer(column.arrow_type) else float
    if not {type(value) for value in values} <= {kind, type(None)}:
        raise DatabaseUnavailable(
            f"Column {column.name} got values of another class while it was read."
        )
    return pa.array(values, column.arrow_type)


def _text(column: ServerColumn, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, _Text):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise DatabaseRefused(
                f"Column {column.name} holds text that is not UTF-8. Correct it on the server, or "
                "read a view that makes a blob of it: cast(x as blob)."
            ) from None
    if isinstance(value, bytes):
        # As SQLite writes it in SQL: no text that could pass for another value.
        return f"X'{value.hex().upper()}'"
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    """The shortest text that means a number, without an exponent where a decimal could hold it."""
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    plain = Decimal(repr(value))
    if -_MOST_DIGITS < plain.adjusted() < _MOST_DIGITS:
        text = f"{plain:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return repr(value)


def _bytes(column: ServerColumn, value: Any) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    text = _text(column, value)
    return None if text is None else text.encode("utf-8")
