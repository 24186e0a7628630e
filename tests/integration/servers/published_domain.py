"""A domain of a test's own: a warehouse, its serving copy, and a PostgreSQL beside it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import URL

from lakehouse.publish.postgres.publication import (
    DomainPublication,
    ServingDatabase,
    prepared_publication,
)
from lakehouse.publish.serving_copy import PublishedTable, prepared_copy


@dataclass
class PublishedDomain:
    """What a test writes into the warehouse, and what readers find of it."""

    url: URL
    folder: Path
    domain: str = "shop"
    builds: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def warehouse(self) -> Path:
        return self.folder / f"{self.domain}.duckdb"

    @property
    def serving(self) -> Path:
        return self.folder / "serving" / f"{self.domain}.duckdb"

    @property
    def extensions(self) -> Path:
        return self.folder / "extensions"

    def build(self, *statements: str) -> None:
        """Change the warehouse."""
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute("set timezone = 'UTC'; create schema if not exists marts")
            for statement in statements:
                connection.execute(statement)

    def tables(self, names: Iterable[str]) -> list[PublishedTable]:
        """Published tables of schema `marts`."""
        return [PublishedTable("marts", name, "", {}) for name in names]

    def publish(
        self, *tables: str | PublishedTable, as_user: URL | None = None
    ) -> DomainPublication:
        """Publish tables of the warehouse as the publishing task does."""
        self.builds += 1
        declared = [
            PublishedTable("marts", one, "", {}) if isinstance(one, str) else one for one in tables
        ]
        database = ServingDatabase(as_user or self.url, self.extensions, **self.options)
        with (
            prepared_copy(self.warehouse, self.serving, declared, memory="256MB") as copy,
            prepared_publication(
                database, self.domain, f"build {self.builds}", copy
            ) as publication,
        ):
            publication.commit()
            copy.put_in_place()
        return publication

    def connect(self, url: URL | None = None) -> psycopg.Connection[TupleRow]:
        """A session in which every statement is committed at once."""
        plain = (url or self.url).set(drivername="postgresql")
        return psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True)

    def run(self, *statements: str, url: URL | None = None) -> list[tuple[Any, ...]]:
        """Run statements on the server; the rows of the last one."""
        with self.connect(url) as session, session.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def role(self, name: str) -> URL:
        """A new role that may log in; URL of this database for it."""
        self.run(f"create role \"{name}\" login password 'secret-of-{name}'")
        return self.url.set(username=name, password=f"secret-of-{name}")
