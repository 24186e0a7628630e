"""The heartbeat of watchers in the audit database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, insert, select

from lakehouse.lake.audit_schema import watchers


@dataclass(frozen=True)
class WatcherSeen:
    """A watcher at its last look.

    Attributes:
        name: of its machine.
        waiting: files that were ready then and that no run had taken.
        fault: what kept it from telling or looking, if anything did.
        started_at: UTC.
        seen_at: UTC.
    """

    name: str
    pid: int
    domains: tuple[str, ...]
    waiting: int
    fault: str | None
    started_at: datetime
    seen_at: datetime


def record_look(engine: Engine, seen: WatcherSeen) -> None:
    """Note the last look of a watcher; one row for each machine."""
    values = {**vars(seen), "domains": list(seen.domains)}
    with engine.begin() as connection:
        connection.execute(delete(watchers).where(watchers.c.name == seen.name))
        connection.execute(insert(watchers).values(**values))


def last_looks(engine: Engine) -> Sequence[WatcherSeen]:
    """Every watcher that ever was, the newest look first."""
    with engine.connect() as connection:
        rows = connection.execute(select(watchers).order_by(watchers.c.seen_at.desc())).all()
    return [
        WatcherSeen(**{**row._mapping, "domains": tuple(row._mapping["domains"])}) for row in rows
    ]
