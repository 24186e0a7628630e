"""What was decided about refused deliveries, by whom and why; a decision is never taken back."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Engine, insert, select

from lakehouse.lake.audit_schema import deliveries, quarantine_decisions
from lakehouse.lake.ledger import Delivery

_GREATEST_NUMBER = 2**63 - 1
DecisionKind = Literal["discarded", "replayed"]


@dataclass(frozen=True)
class Decision:
    """One decision.

    Attributes:
        delivery_id: the refused delivery.
        reason: the one that was given; for a replay, how it ended.
        run_id: flow run, or the command and its user.
    """

    delivery_id: int
    decision: DecisionKind
    reason: str | None
    run_id: str | None
    decided_at: datetime

    def __str__(self) -> str:
        by = f" by {self.run_id}" if self.run_id else ""
        why = f": {self.reason}" if self.reason else ""
        return f"{self.decision} on {self.decided_at:%Y-%m-%d %H:%M} UTC{by}{why}"


class QuarantineDecisions:
    """Reads and writes of decisions; whoever writes holds the table's lock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def delivery(self, number: int) -> Delivery | None:
        """Find any delivery by its number."""
        if not 0 < number <= _GREATEST_NUMBER:
            return None
        query = select(deliveries).where(deliveries.c.delivery_id == number)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return Delivery(**row._mapping) if row else None

    def about(self, number: int) -> Decision | None:
        """The decision about a delivery."""
        query = select(quarantine_decisions).where(quarantine_decisions.c.delivery_id == number)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return Decision(**row._mapping) if row else None

    def record(
        self, number: int, decision: DecisionKind, reason: str | None, run_id: str | None
    ) -> None:
        """Write a decision down.

        Raises:
            IntegrityError: there is one already.
        """
        values = Decision(number, decision, reason, run_id, datetime.now(UTC))
        with self._engine.begin() as connection:
            connection.execute(insert(quarantine_decisions).values(**vars(values)))
