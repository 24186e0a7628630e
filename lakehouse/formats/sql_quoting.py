"""Names, values and paths that come from outside, made safe inside SQL text for DuckDB."""

import re
from pathlib import Path

_GLOB_CHARACTERS = re.compile(r"[\[\]*?]")


def sql_identifier(name: str) -> str:
    """Quote a column or table name."""
    return '"' + name.replace('"', '""') + '"'


def sql_string(value: str) -> str:
    """Quote a text value."""
    return "'" + value.replace("'", "''") + "'"


def sql_path(path: Path) -> str:
    """Quote a path for a DuckDB reader, which would take `[`, `*` and `?` for a pattern.

    Without this `sales[1].csv` silently reads `sales1.csv`.
    """
    escaped = _GLOB_CHARACTERS.sub(lambda match: f"[{match[0]}]", str(path.absolute()))
    return sql_string(escaped)
