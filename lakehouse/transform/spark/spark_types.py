"""DuckDB's types as Spark names them, and names as Spark quotes them."""

import re

_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "VARCHAR": "string",
    "BLOB": "binary",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMP WITH TIME ZONE": "timestamp_ltz",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s?(\d+)\)")


def spark_type(duckdb_type: str) -> str | None:
    """Spark's name of a DuckDB type; None for one that it cannot read from Parquet as it is."""
    if decimal := _DECIMAL.fullmatch(duckdb_type):
        return f"decimal({decimal[1]},{decimal[2]})"
    return _TYPES.get(duckdb_type)


def spark_identifier(name: str) -> str:
    """Quote a name of any content."""
    return "`" + name.replace("`", "``") + "`"


def spark_string(value: str) -> str:
    """Quote a text of any content; a backslash has a meaning in Spark's texts."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
