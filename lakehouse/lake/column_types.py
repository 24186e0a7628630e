"""The types a contract can declare, and what they are in DuckDB."""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "integer", "decimal", "double", "boolean", "date", "timestamp"]

_NAMES: dict[str, tuple[Kind, str]] = {
    "varchar": ("text", "VARCHAR"),
    "text": ("text", "VARCHAR"),
    "string": ("text", "VARCHAR"),
    "smallint": ("integer", "SMALLINT"),
    "integer": ("integer", "INTEGER"),
    "int": ("integer", "INTEGER"),
    "bigint": ("integer", "BIGINT"),
    "double": ("double", "DOUBLE"),
    "boolean": ("boolean", "BOOLEAN"),
    "date": ("date", "DATE"),
    "timestamp": ("timestamp", "TIMESTAMP"),
}
_DECIMAL = re.compile(r"(?:decimal|numeric)\((\d+),\s*(\d+)\)")


@dataclass(frozen=True)
class ColumnType:
    """A declared type.

    Attributes:
        kind: family of the type, which decides how text becomes a value.
        duckdb: the type's name in DuckDB.
        precision: digits of a decimal in all, else 0.
        scale: digits of a decimal after the point, else 0.
    """

    kind: Kind
    duckdb: str
    precision: int = 0
    scale: int = 0


def parse_column_type(name: str) -> ColumnType:
    """Read a `data_type` as written in a contract.

    Raises:
        ValueError: naming the types that exist.
    """
    plain = " ".join(name.lower().split())
    if match := _DECIMAL.fullmatch(plain):
        precision, scale = int(match[1]), int(match[2])
        if not 1 <= precision <= 38 or scale > precision:
            raise ValueError(f"{name}: a decimal has 1 to 38 digits, of which scale are decimals")
        return ColumnType("decimal", f"DECIMAL({precision},{scale})", precision, scale)
    if plain not in _NAMES:
        raise ValueError(f"{name} is not a known type. Known: {', '.join(_NAMES)}, decimal(p,s)")
    kind, duckdb = _NAMES[plain]
    return ColumnType(kind, duckdb)
