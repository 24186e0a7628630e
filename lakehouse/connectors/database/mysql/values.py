"""Texts of MySQL's protocol as Arrow values of a column's staged type."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.connectors.database.dialect import ServerColumn
from lakehouse.connectors.database.mysql.types import is_time
from lakehouse.errors import DatabaseRefused

_TIME = r"^(?P<sign>-?)(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d)(?:\.(?P<fraction>\d+))?$"


def values_of(column: ServerColumn, texts: "pa.Array[Any]") -> "pa.Array[Any]":
    """Convert the cells of a column, exactly.

    Args:
        column: with the type that is wanted.
        texts: binary array, NULL where the cell is.

    Raises:
        DatabaseRefused: a text is no value of the type; it is not shown.
    """
    try:
        if pa.types.is_binary(column.arrow_type):
            return texts
        if pa.types.is_string(column.arrow_type):
            return texts.cast(pa.string())
        numbers = texts.view(pa.string())
        return _microseconds(numbers) if is_time(column) else numbers.cast(column.arrow_type)
    except pa.ArrowInvalid:
        raise DatabaseRefused(
            f"Column {column.name}: the server sent what is no {column.server_type}."
        ) from None


def _microseconds(texts: Any) -> "pa.Array[Any]":
    """Microseconds of `[-]hhh:mm:ss[.ffffff]`."""
    found: Any = pc.extract_regex(texts, pattern=_TIME)
    if found.null_count > texts.null_count:
        raise pa.ArrowInvalid("not a time")
    sign, *numbers, fraction = found.flatten()
    hours, minutes, seconds = (number.cast(pa.int64()) for number in numbers)
    micros = pc.utf8_rpad(fraction, width=6, padding="0").cast(pa.int64())
    whole: Any = pc.add(pc.multiply(pc.add(pc.multiply(hours, 60), minutes), 60), seconds)
    total: Any = pc.add(pc.multiply(whole, 1_000_000), micros)
    signed: pa.Int64Array = pc.if_else(pc.equal(sign, pa.scalar("-")), pc.negate(total), total)
    return signed
