"""Which relations and columns a DuckDB warehouse has, and how they are written in SQL."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from lakehouse.sql_quoting import sql_identifier

_PLAIN_TYPES = re.compile(r"BOOLEAN|U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|FLOAT|DOUBLE")
_LONGEST_VALUE = 1000


@dataclass(frozen=True)
class Relation:
    """A table or view that exists.

    Attributes:
        columns: name to DuckDB type, in their order.
    """

    database: str
    schema: str
    name: str
    columns: Mapping[str, str]

    @property
    def sql(self) -> str:
        """The full name as SQL."""
        return ".".join(sql_identifier(part) for part in (self.database, self.schema, self.name))

    def column(self, name: str | None) -> str | None:
        """The column's own spelling of `name`, or None if it does not exist."""
        wanted = (name or "").lower()
        return next((column for column in self.columns if column.lower() == wanted), None)

    def has(self, *names: str) -> bool:
        """Whether all these columns exist."""
        return all(self.column(name) for name in names)

    def shown(self, column: str) -> str:
        """SQL of a column as a JSON type: numbers and truth values as they are, the rest text."""
        if _PLAIN_TYPES.fullmatch(self.columns[column]):
            return sql_identifier(column)
        return f"left(cast({sql_identifier(column)} as varchar), {_LONGEST_VALUE})"


class WarehouseCatalog:
    """The relations of a connection, read once."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        row = connection.execute("select current_database()").fetchone()
        self._current = str(row[0] if row else "").lower()
        self._relations: dict[tuple[str, str, str], Relation] = {}
        columns: dict[tuple[str, str, str], dict[str, str]] = {}
        for database, schema, table, column, data_type in connection.execute(
            "select database_name, schema_name, table_name, column_name, data_type "
            "from duckdb_columns() where not internal "
            "order by database_name, schema_name, table_name, column_index"
        ).fetchall():
            columns.setdefault((database, schema, table), {})[column] = data_type
        for (database, schema, table), found in columns.items():
            key = (database.lower(), schema.lower(), table.lower())
            self._relations[key] = Relation(database, schema, table, found)

    def find(self, database: str | None, schema: str, name: str) -> Relation | None:
        """A relation by dbt's names; a warehouse may be attached under another name than dbt's."""
        for catalog in ((database or "").lower(), self._current):
            if found := self._relations.get((catalog, schema.lower(), name.lower())):
                return found
        return None

    def of_node(self, node: Mapping[str, Any]) -> Relation | None:
        """The relation of a node of the manifest, if it was built."""
        name = node.get("identifier") or node.get("alias") or node.get("name")
        if not name or not node.get("schema"):
            return None
        return self.find(node.get("database"), str(node["schema"]), str(name))

    def of_relation_name(self, relation_name: str) -> Relation | None:
        """The relation of a name such as `"db"."schema"."table"`, quoted or not."""
        parts = [
            plain or inner.replace('""', '"')
            for inner, plain in re.findall(r'"((?:[^"]|"")*)"|([^".\s]+)', relation_name)
        ]
        if len(parts) not in (2, 3):
            return None
        return self.find(parts[0] if len(parts) == 3 else None, parts[-2], parts[-1])
