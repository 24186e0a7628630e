"""Texts of MySQL's protocol as Arrow values of a column's staged type."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.connectors.database.dialect import ServerColumn
from lakehouse.connectors.database.mysql_types import is_time
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


def _microseconds(texts: "pa.Array[Any]") -> "pa.Array[Any]":
    """Microseconds of `[-]hhh:mm:ss[.ffffff]`."""
    parts = pc.extract_regex(texts, pattern=_TIME)
    if parts.null_count > texts.null_count:
        raise pa.ArrowInvalid("not a time")
    hours, minutes, seconds = (
        pc.cast(pc.struct_field(parts, name), pa.int64())
        for name in ("hours", "minutes", "seconds")
    )
    fraction = pc.cast(
        pc.utf8_rpad(pc.struct_field(parts, "fraction"), width=6, padding="0"), pa.int64()
    )
    whole = pc.add(pc.multiply(pc.add(pc.multiply(hours, 60), minutes), 60), seconds)
    total = pc.add(pc.multiply(whole, 1_000_000), fraction)
    is_negative = pc.equal(pc.struct_field(parts, "sign"), "-")
    return pc.if_else(is_negative, pc.negate(total), total)
