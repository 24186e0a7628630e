"""What owners were last told of tests and errors, so that nothing is told twice.

It lies in the audit database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, delete, insert, select

from lakehouse.lake.audit_schema import test_notifications
from lakehouse.quality.build_results import Status


@dataclass(frozen=True)
class Notified:
    """What an owner was last told of a test whose incident is still open.

    Attributes:
        told_at: when, UTC.
    """

    status: Status
    failing_rows: int | None
    told_at: datetime
    over_budget: bool = False


@dataclass(frozen=True)
class Told:
    """What a digest tells of a test or of an error, to be noted once it is delivered.

    Attributes:
        unique_id: of the test; `error.<error_id>` of an error of a source.
    """

    unique_id: str
    status: Status
    failing_rows: int | None
    over_budget: bool = False


class ToldOwners:
    """Reads and writes; what was told of a test is forgotten when its incident ends.

    What was told of an error stays: one that comes back has another id.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, domain: str) -> dict[str, Notified]:
        """What was told of the domain's open tests and of its errors, by unique id."""
        query = select(test_notifications).where(test_notifications.c.domain == domain)
        with self._engine.connect() as connection:
            return {
                row.unique_id: Notified(row.status, row.failing_rows, row.told_at, row.over_budget)
                for row in connection.execute(query)
            }

    def record(self, domain: str, tells: Sequence[Told]) -> None:
        """Note what a digest told; it replaces what was told before."""
        now = datetime.now(UTC)
        with self._engine.begin() as connection:
            for told in tells:
                connection.execute(
                    delete(test_notifications).where(
                        test_notifications.c.domain == domain,
                        test_notifications.c.unique_id == told.unique_id,
                    )
                )
            if tells:
                connection.execute(
                    insert(test_notifications),
                    [
                        {
                            "domain": domain,
                            "unique_id": told.unique_id,
                            "status": told.status,
                            "failing_rows": told.failing_rows,
                            "over_budget": told.over_budget,
                            "told_at": now,
                        }
                        for told in tells
                    ],
                )
