"""How each type of MySQL and MariaDB is asked for and staged, exactly.

The session speaks utf8mb4 and UTC, so that the text of a row needs no conversion on the server
except where the protocol rounds (FLOAT) or the form is the server's own (BIT, spatial).
"""

import re

import pyarrow as pa

from lakehouse.connectors.database.dialect import ServerColumn
from lakehouse.errors import DatabaseRefused

MOST_DECIMAL_DIGITS = 38

_INTEGERS = {
    "tinyint": ("tinyint", pa.int8(), pa.uint8()),
    "smallint": ("smallint", pa.int16(), pa.uint16()),
    "mediumint": ("integer", pa.int32(), pa.uint32()),
    "int": ("integer", pa.int32(), pa.uint32()),
    "bigint": ("bigint", pa.int64(), pa.uint64()),
}
_PLAIN: dict[str, tuple[str, pa.DataType]] = {
    "double": ("double", pa.float64()),
    "date": ("date", pa.string()),
    "datetime": ("timestamp", pa.string()),
    "timestamp": ("timestamptz", pa.string()),
    "time": ("bigint", pa.int64()),
    "year": ("smallint", pa.int16()),
    "json": ("json", pa.string()),
    **dict.fromkeys(
        ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"),
        ("varchar", pa.string()),
    ),
    **dict.fromkeys(("uuid", "inet4", "inet6"), ("varchar", pa.string())),
    **dict.fromkeys(
        ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"),
        ("blob", pa.binary()),
    ),
}
_SPATIAL = (
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "geomcollection",
)
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")


def quoted(name: str) -> str:
    """Quote an identifier of any content."""
    return "`" + name.replace("`", "``") + "`"


def server_column(name: str, server_type: str, *, nullable: bool, where: str) -> ServerColumn:
    """Say how a column is asked for and staged.

    Args:
        name: of the column.
        server_type: `COLUMN_TYPE` of the information schema.
        nullable: whether it may be NULL.
        where: its table, for messages.

    Raises:
        DatabaseRefused: its type is none that is known to be read without loss.
    """
    expression, data_type, arrow_type = _reading(quoted(name), server_type.lower())
    if arrow_type is None:
        raise DatabaseRefused(
            f"{where}, column {name}: type {server_type} is not one that can be read without loss. "
            "Make a view of the table that converts it or leaves it out, and name it as relation."
        )
    return ServerColumn(name, server_type, arrow_type, expression, data_type, nullable)


def is_time(column: ServerColumn) -> bool:
    """Tell a TIME, which is staged as microseconds, from what is text."""
    return column.server_type.lower().partition("(")[0] == "time"


def _reading(column: str, kind: str) -> tuple[str, str, pa.DataType | None]:
    """SQL, contract's type and Arrow type; the last is None for an unknown type."""
    base = re.split(r"[(\s]", kind, maxsplit=1)[0]
    if number := _exact_number(base, kind):
        return column, *number
    if base == "float":
        return f"cast({column} as double)", "float", pa.float64()
    if base == "bit":
        return f"cast({column} as unsigned)", "ubigint", pa.uint64()
    if base in _SPATIAL:
        return f"st_aswkb({column})", "blob", pa.binary()
    if base in _PLAIN:
        return column, *_PLAIN[base]
    return column, "", None


def _exact_number(base: str, kind: str) -> tuple[str, pa.DataType] | None:
    if base in _INTEGERS:
        name, signed, unsigned = _INTEGERS[base]
        return (f"u{name}", unsigned) if "unsigned" in kind else (name, signed)
    if not (match := _DECIMAL.match(kind)):
        return None
    precision, scale = int(match[1]), int(match[2])
    if precision > MOST_DECIMAL_DIGITS:
        return "varchar", pa.string()
    return f"decimal({precision},{scale})", pa.decimal128(precision, scale)
