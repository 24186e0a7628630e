"""In which type a delivered column is staged: its own where a cast decides, else as text.

A cast decides where DuckDB has one that can be shown to lose nothing (see `native_conversion`).
Where it has none, or would take 2 for true, the value is staged as text and the contract's strict
rules for text decide.
"""

import json
import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import types

from lakehouse.formats.native_conversion import cast_fault_sql, cast_sql
from lakehouse.source_catalog import Column, Table

_UUID_BYTES = 16


@dataclass(frozen=True)
class StagedColumn:
    """How one column is staged.

    Attributes:
        name: as delivered, stripped.
        staged_type: of Arrow, in the staged file.
        staged: turns an array of the delivered type into one of `staged_type`.
    """

    name: str
    staged_type: pa.DataType
    staged: Callable[[Any], Any]


def staged_columns(
    schema: pa.Schema, header: Sequence[str], table: Table
) -> tuple[StagedColumn, ...]:
    """Decide for each column of a Parquet file.

    Args:
        schema: as delivered.
        header: names of its columns, stripped.
        table: with its contract; undeclared columns become text.
    """
    declared = {column.name: column for column in table.columns}
    return tuple(
        _staged_column(name, field.type, declared.get(name, Column(name=name)))
        for name, field in zip(header, schema, strict=True)
    )


def _staged_column(name: str, delivered: pa.DataType, column: Column) -> StagedColumn:
    exact, plain = _exact(delivered)
    if _is_cast(plain, column):
        return StagedColumn(name, plain, exact)
    return StagedColumn(name, pa.string(), lambda array: _as_text(exact(array)))


def _exact(delivered: pa.DataType) -> tuple[Callable[[Any], Any], pa.DataType]:
    """The type of the same values that DuckDB reads back alike, and how to get there."""
    if isinstance(delivered, pa.UuidType) or _is_uuid_like(delivered):
        return _uuid_texts, pa.string()
    if isinstance(delivered, pa.BaseExtensionType):
        inner, plain = _exact(delivered.storage_type)
        return lambda array: inner(array.storage), plain
    if types.is_dictionary(delivered):
        inner, plain = _exact(delivered.value_type)
        return lambda array: inner(array.dictionary_decode()), plain
    plain = _plain_type(delivered)
    if plain == delivered:
        return lambda array: array, plain
    return lambda array: array.cast(plain), plain


def _is_uuid_like(delivered: pa.DataType) -> bool:
    return (
        isinstance(delivered, pa.BaseExtensionType)
        and delivered.extension_name == "arrow.uuid"
        and delivered.storage_type == pa.binary(_UUID_BYTES)
    )


def _plain_type(delivered: pa.DataType) -> pa.DataType:
    simple: tuple[tuple[Callable[[pa.DataType], bool], pa.DataType], ...] = (
        (types.is_null, pa.string()),
        (types.is_large_string, pa.string()),
        (types.is_string_view, pa.string()),
        (types.is_large_binary, pa.binary()),
        (types.is_binary_view, pa.binary()),
        (types.is_fixed_size_binary, pa.binary()),
        (types.is_float16, pa.float32()),
        (types.is_duration, pa.int64()),
        (types.is_date64, pa.date32()),
        (types.is_decimal256, pa.string()),
    )
    for fits, plain in simple:
        if fits(delivered):
            return plain
    if types.is_timestamp(delivered) and delivered.unit == "s":
        return pa.timestamp("ms", delivered.tz)
    if types.is_time32(delivered) and delivered.unit == "s":
        return pa.time32("ms")
    return delivered


def _is_cast(staged: pa.DataType, column: Column) -> bool:
    """Whether values of this type may be staged as they are."""
    if types.is_string(staged):
        return True
    name = _duckdb_type(staged)
    kind = column.type.kind
    if types.is_nested(staged) or kind == "nested":
        return name == column.type.duckdb
    if name is None or (kind == "boolean" and name != "BOOLEAN"):
        return False
    if kind in ("text", "json"):
        return not (types.is_floating(staged) or types.is_binary(staged))
    with duckdb.connect() as session:
        fault = cast_fault_sql(column, name, "x") or "null"
        query = f"select {cast_sql(column, 'x')}, {fault} from (select null::{name} as x)"
        try:
            session.execute(query)
        except duckdb.Error:
            return False
    return True


@cache
def _duckdb_type(staged: pa.DataType) -> str | None:
    """DuckDB's name of the type in which it reads a column; None if it has none."""
    with duckdb.connect() as session:
        try:
            session.register("empty", pa.table({"x": pa.array([], staged)}))
            row = session.execute("select column_type from (describe empty)").fetchone()
        except (duckdb.Error, pa.ArrowException):
            return None
    return str(row[0]) if row else None


def _as_text(array: Any) -> Any:
    if types.is_boolean(array.type) or types.is_integer(array.type) or types.is_decimal(array.type):
        return array.cast(pa.string())
    if types.is_binary(array.type):
        return pa.array([_hexadecimal(value) for value in array.to_pylist()], pa.string())
    if types.is_nested(array.type):
        return pa.array([_json(value) for value in array.to_pylist()], pa.string())
    if types.is_floating(array.type):
        return pa.array([_number(value) for value in array.to_pylist()], pa.string())
    return array.cast(pa.string())


def _hexadecimal(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def _number(value: float | None) -> str | None:
    if value is None or not math.isfinite(value):
        return None if value is None else str(value)
    return str(int(value)) if value.is_integer() and abs(value) < 2**63 else repr(value)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=_plain_value)


def _plain_value(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _uuid_texts(array: "pa.Array[Any]") -> "pa.Array[Any]":
    storage = array.storage if isinstance(array, pa.ExtensionArray) else array
    texts = [None if raw is None else str(uuid.UUID(bytes=raw)) for raw in storage.to_pylist()]
    return pa.array(texts, pa.string())
