"""A domain that was rolled back publishes nothing until somebody releases it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, delete, insert, select

from lakehouse.lake.audit_schema import publication_holds


@dataclass(frozen=True)
class PublicationHold:
    """Why a domain is not published.

    Attributes:
        build_id: of the publication that was taken back.
        held_by: who said so.
    """

    domain: str
    build_id: str
    reason: str
    held_by: str
    held_at: datetime

    def __str__(self) -> str:
        return (
            f"{self.domain} was rolled back by {self.held_by} at {self.held_at:%Y-%m-%d %H:%M} UTC "
            f"({self.reason}) and is not published until `aljibe publish-back {self.domain} "
            "--release`"
        )


def hold_of(engine: Engine, domain: str) -> PublicationHold | None:
    """The hold of a domain; None if it may be published."""
    query = select(publication_holds).where(publication_holds.c.domain == domain)
    with engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    return PublicationHold(**row._mapping) if row else None


def hold(engine: Engine, domain: str, build_id: str, reason: str, by: str) -> PublicationHold:
    """Keep a domain from being published; a hold that is there takes the new reason."""
    made = PublicationHold(domain, build_id, reason, by[:64], datetime.now(UTC))
    with engine.begin() as connection:
        connection.execute(delete(publication_holds).where(publication_holds.c.domain == domain))
        connection.execute(insert(publication_holds).values(**vars(made)))
    return made


def release(engine: Engine, domain: str) -> bool:
    """Let a domain be published again; returns whether it was held."""
    with engine.begin() as connection:
        done = connection.execute(
            delete(publication_holds).where(publication_holds.c.domain == domain)
        )
    return done.rowcount > 0
