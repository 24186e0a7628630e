"""How each type of PostgreSQL is asked for and staged, exactly."""

import pyarrow as pa

from lakehouse.connectors.database.dialect import ServerColumn
from lakehouse.sql_quoting import sql_identifier

MOST_DECIMAL_DIGITS = 38
DATES = ("date", "timestamp")
NUMBERS = ("numeric",)

_PLAIN: dict[str, tuple[str, pa.DataType]] = {
    "bool": ("boolean", pa.bool_()),
    "int2": ("smallint", pa.int16()),
    "int4": ("integer", pa.int32()),
    "int8": ("bigint", pa.int64()),
    "oid": ("uinteger", pa.uint32()),
    "float4": ("float", pa.float32()),
    "float8": ("double", pa.float64()),
    "date": ("date", pa.string()),
    "timestamp": ("timestamp", pa.string()),
    "timestamptz": ("timestamptz", pa.string()),
    "time": ("time", pa.string()),
    "json": ("json", pa.string()),
    "jsonb": ("json", pa.string()),
}
# A numeric's modifier packs both: https://doxygen.postgresql.org/, numeric_typmod_precision.
_MODIFIER_HEADER = 4
_SCALE_BITS = 0x7FF


def server_column(
    name: str, shown: str, base: str, modifier: int, category: str, *, nullable: bool
) -> ServerColumn:
    """Say how a column is asked for and staged.

    Numerics with decimals are staged as text, as each of them can be NaN, which no decimal is.

    Args:
        name: of the column.
        shown: its type, as `format_type` writes it.
        base: internal name of the type below its domains; empty for a type of an extension or user.
        modifier: of that type.
        category: `A` array, `c` composite, `e` enum, `r` or `m` range, `b` any other.
        nullable: whether it may be NULL.
    """
    quoted = sql_identifier(name)
    expression, data_type, arrow_type = _reading(quoted, base, modifier, category)
    return ServerColumn(name, shown, arrow_type, expression, data_type, nullable)


def _reading(column: str, base: str, modifier: int, category: str) -> tuple[str, str, pa.DataType]:
    if category in ("A", "c") and base not in ("int2vector", "oidvector"):
        return f"pg_catalog.to_jsonb({column})::text", "json", pa.string()
    if base == "numeric":
        data_type, arrow_type = _numeric(modifier)
        return column, data_type, arrow_type
    if base == "bytea":
        return f"pg_catalog.encode({column}, 'hex')", "blob", pa.binary()
    if base in _PLAIN:
        return column, *_PLAIN[base]
    if base in ("bpchar", "char"):
        # A cast to text would cut the blanks that pad it.
        return column, "varchar", pa.string()
    return f"{column}::text", "varchar", pa.string()


def _numeric(modifier: int) -> tuple[str, pa.DataType]:
    if modifier < _MODIFIER_HEADER:
        return "varchar", pa.string()
    precision = ((modifier - _MODIFIER_HEADER) >> 16) & 0xFFFF
    # The scale is a number of eleven bits with a sign.
    scale = (((modifier - _MODIFIER_HEADER) & _SCALE_BITS) ^ 1024) - 1024
    if precision > MOST_DECIMAL_DIGITS or not 0 <= scale <= precision:
        return "varchar", pa.string()
    exact = pa.decimal128(precision, 0) if scale == 0 else pa.string()
    return f"decimal({precision},{scale})", exact
