"""One run of one job, and what it read and wrote: all that an event can say.

There is no place here for rows, values of columns or messages of errors, which may quote them.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from lakehouse.lineage_events.dataset_names import DatasetName

Outcome = Literal["COMPLETE", "FAIL", "ABORT"]
JobKind = Literal["FLOW", "EXTRACT", "SEED", "MODEL", "SNAPSHOT", "TEST", "PUBLISH"]


@dataclass(frozen=True)
class RunPlace:
    """A run among the runs: its job, its id (a UUID) and the run that started it."""

    job: str
    run_id: str
    parent: "RunPlace | None" = None

    def child(self, job: str) -> "RunPlace":
        """The run of a job inside this run; asked again, it is the same."""
        return RunPlace(job, str(uuid.uuid5(uuid.UUID(self.run_id), job)), self)

    @property
    def root(self) -> "RunPlace":
        """The outermost run."""
        return self.parent.root if self.parent else self


@dataclass(frozen=True)
class Field:
    """A column: name, type in the words of its system, and what it means."""

    name: str
    type: str | None = None
    description: str = ""


@dataclass(frozen=True)
class Assertion:
    """A test of a dataset and whether it holds.

    Attributes:
        kind: such as `unique`.
        failures: how many rows or values failed; None where it could not run.
    """

    name: str
    kind: str
    success: bool
    column: str | None = None
    severity: str | None = None
    description: str = ""
    failures: int | None = None


@dataclass(frozen=True)
class Dataset:
    """A dataset as a run met it.

    Attributes:
        fields: columns, of what was written.
        assertions: tests, of what was read to be tested.
        rows: rows written in this run; None where nobody counted.
    """

    name: DatasetName
    fields: tuple[Field, ...] = ()
    assertions: tuple[Assertion, ...] = ()
    rows: int | None = None
    description: str = ""


@dataclass(frozen=True)
class JobRun:
    """A run from its start to its end.

    Attributes:
        outcome: None while it runs.
        error: what kept it from its end, in our own words.
    """

    place: RunPlace
    kind: JobKind
    started_at: datetime
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    inputs: tuple[Dataset, ...] = ()
    outputs: tuple[Dataset, ...] = ()
    error: str = ""


def in_utc(moment: datetime) -> datetime:
    """A moment with its zone; SQLite and dbt leave out that theirs is UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
