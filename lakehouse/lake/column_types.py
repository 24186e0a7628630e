"""The types a contract can declare, and what they are in DuckDB."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

import duckdb

Kind = Literal[
    "text",
    "integer",
    "decimal",
    "double",
    "boolean",
    "date",
    "timestamp",
    "timestamptz",
    "time",
    "binary",
    "json",
    "nested",
]

_NAMES: dict[str, tuple[Kind, str]] = {
    "varchar": ("text", "VARCHAR"),
    "text": ("text", "VARCHAR"),
    "string": ("text", "VARCHAR"),
    "tinyint": ("integer", "TINYINT"),
    "smallint": ("integer", "SMALLINT"),
    "integer": ("integer", "INTEGER"),
    "int": ("integer", "INTEGER"),
    "bigint": ("integer", "BIGINT"),
    "utinyint": ("integer", "UTINYINT"),
    "usmallint": ("integer", "USMALLINT"),
    "uinteger": ("integer", "UINTEGER"),
    "ubigint": ("integer", "UBIGINT"),
    "float": ("double", "FLOAT"),
    "real": ("double", "FLOAT"),
    "double": ("double", "DOUBLE"),
    "boolean": ("boolean", "BOOLEAN"),
    "date": ("date", "DATE"),
    "time": ("time", "TIME"),
    "timestamp": ("timestamp", "TIMESTAMP"),
    "timestamptz": ("timestamptz", "TIMESTAMP WITH TIME ZONE"),
    "timestamp with time zone": ("timestamptz", "TIMESTAMP WITH TIME ZONE"),
    "blob": ("binary", "BLOB"),
    "json": ("json", "VARCHAR"),
}
_DECIMAL = re.compile(r"(?:decimal|numeric)\((\d+),\s*(\d+)\)")
_NESTED = re.compile(r"(?:(?:struct|map)\s*\(.*\)|.*\[\])", re.IGNORECASE)
_NESTED_LETTERS = re.compile(r"[\w\s(),\"\[\]]+")


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

    `json` is text that must be well-formed JSON. Lists and structs are written as in DuckDB:
    `varchar[]`, `struct(estado varchar, fecha timestamp)[]`.

    Raises:
        ValueError: naming the types that exist.
    """
    plain = " ".join(name.lower().split())
    if match := _DECIMAL.fullmatch(plain):
        precision, scale = int(match[1]), int(match[2])
        if not 1 <= precision <= 38 or scale > precision:
            raise ValueError(f"{name}: a decimal has 1 to 38 digits, of which scale are decimals")
        return ColumnType("decimal", f"DECIMAL({precision},{scale})", precision, scale)
    if _NESTED.fullmatch(plain):
        return ColumnType("nested", _nested_type(" ".join(name.split())))
    if plain not in _NAMES:
        raise ValueError(
            f"{name} is not a known type. Known: {', '.join(_NAMES)}, decimal(p,s), and lists and "
            "structs of them as in varchar[] or struct(a varchar)[]"
        )
    kind, duckdb_name = _NAMES[plain]
    return ColumnType(kind, duckdb_name)


@cache
def _nested_type(name: str) -> str:
    if not _NESTED_LETTERS.fullmatch(name):
        raise ValueError(f"{name} is not a list or struct: it has characters of no type")
    try:
        with duckdb.connect() as session:
            row = session.execute(f"select typeof(cast(null as {name}))").fetchone()
    except duckdb.Error as error:
        cause = str(error).partition("\n")[0]
        raise ValueError(f"{name} is not a list or struct of known types: {cause}") from None
    return str(row[0]) if row else name
