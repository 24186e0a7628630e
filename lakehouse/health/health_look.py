"""What a look at the health found, kept as JSON for pages and for machines."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from lakehouse.health.health_check import TROUBLE, WORST_FIRST, HealthCheck, Verdict
from lakehouse.health.health_notes import HealthNotes

# Four looks of the deployment that did not come.
_STALE = timedelta(hours=1)


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Moment = Annotated[datetime, AfterValidator(_in_utc)]


class SeenCheck(BaseModel):
    """One check; `since` is None unless it is in trouble."""

    model_config = ConfigDict(frozen=True)

    kind: str
    subject: str
    verdict: Verdict
    found: str
    since: Moment | None = None


class HealthLook(BaseModel):
    """All checks of one look, trouble first."""

    model_config = ConfigDict(frozen=True)

    looked_at: Moment
    checks: tuple[SeenCheck, ...]

    @classmethod
    def of(cls, checks: Sequence[HealthCheck], notes: HealthNotes, now: datetime) -> "HealthLook":
        """What was found now; `notes` are those after it."""
        return cls(
            looked_at=now,
            checks=tuple(
                SeenCheck(
                    kind=one.kind,
                    subject=one.subject,
                    verdict=one.verdict,
                    found=one.text,
                    since=notes.troubles[one.key].since if one.in_trouble else None,
                )
                for one in sorted(checks, key=lambda one: (WORST_FIRST[one.verdict], one.key))
            ),
        )

    @property
    def troubles(self) -> tuple[SeenCheck, ...]:
        """Those that somebody should hear of."""
        return tuple(one for one in self.checks if one.verdict in TROUBLE)

    def is_stale(self, now: datetime) -> bool:
        """Whether later looks should have come."""
        return now - self.looked_at > _STALE


def read_look(file: Path) -> HealthLook | None:
    """The look that a file holds; None if there is none, or none that can be read."""
    try:
        return HealthLook.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
