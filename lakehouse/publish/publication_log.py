"""What was published when, in the audit database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Engine, insert, select

from lakehouse.lake.audit_schema import publications


@dataclass(frozen=True)
class Publication:
    """One publication of a domain: rows by `schema.table`, from one build.

    Attributes:
        warehouse_version: snapshot of the lake that was published; None where there is no lake.
    """

    domain: str
    build_id: str
    tables: Mapping[str, int]
    published_at: datetime
    warehouse_version: int | None = None


class PublicationLog:
    """Reads and writes of publications."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def last(self, domain: str) -> Publication | None:
        """The newest publication of a domain."""
        return self.last_two(domain)[0]

    def last_two(self, domain: str) -> tuple[Publication | None, Publication | None]:
        """The newest publication of a domain and the one before it."""
        table = publications.c
        query = (
            select(*_columns())
            .where(table.domain == domain)
            .order_by(table.publication_id.desc())
            .limit(2)
        )
        with self._engine.connect() as connection:
            found = [Publication(**row._mapping) for row in connection.execute(query)]
        return (found[0] if found else None), (found[1] if len(found) > 1 else None)

    def builds(self, domain: str) -> list[Publication]:
        """The newest publication of each build of a domain, by when it was first published.

        Returns:
            The build that was published first of all comes last.
        """
        table = publications.c
        query = select(*_columns()).where(table.domain == domain).order_by(table.publication_id)
        found: dict[str, Publication] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(query):
                found[row.build_id] = Publication(**row._mapping)
        return list(reversed(found.values()))

    def record(
        self,
        domain: str,
        build_id: str,
        tables: Mapping[str, int],
        run_id: str | None,
        *,
        warehouse_version: int | None = None,
    ) -> Publication:
        """Note that a domain's tables were replaced, and by which snapshot of a lake."""
        values: dict[str, Any] = {
            "domain": domain,
            "build_id": build_id,
            "tables": dict(tables),
            "published_at": datetime.now(UTC),
            "warehouse_version": warehouse_version,
        }
        with self._engine.begin() as connection:
            connection.execute(insert(publications).values(**values, run_id=run_id))
        return Publication(**values)


def _columns() -> tuple[Column[Any], ...]:
    table = publications.c
    return (
        table.domain,
        table.build_id,
        table.tables,
        table.published_at,
        table.warehouse_version,
    )
