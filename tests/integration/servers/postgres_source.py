"""A PostgreSQL database of a test's own as a source, and an empty lake that it is loaded into."""

from dataclasses import dataclass
from typing import Any

import psycopg
from servers.database_source import DatabaseSource


@dataclass(frozen=True)
class PostgresSource(DatabaseSource):
    """Tables of one PostgreSQL database, and what the lake has of them."""

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A session of its own, in which every statement is committed at once."""
        plain = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(plain, autocommit=True)

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements on the server; the rows of the last one."""
        with self.connect() as session, session.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
