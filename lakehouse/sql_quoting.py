"""Names, values and paths that come from outside, made safe inside SQL text for DuckDB."""

import re
from pathlib import Path

_GLOB_CHARACTERS = re.compile(r"[\[\]*?]")


def sql_identifier(name: str) -> str:
    """Quote a column, table or catalog name of any content."""
    return '"' + name.replace('"', '""') + '"'


def sql_string(value: str) -> str:
    """Quote a text value of any content."""
    return "'" + value.replace("'", "''") + "'"


def glob_literal(path: Path) -> str:
    """Escape what a DuckDB reader would take for a pattern; the path becomes absolute.

    Without this `sales[1].csv` silently reads `sales1.csv`.
    """
    return _GLOB_CHARACTERS.sub(lambda match: f"[{match[0]}]", str(path.absolute()))


def sql_path(path: Path) -> str:
    """Quote the path of one file for a DuckDB reader."""
    return sql_string(glob_literal(path))
