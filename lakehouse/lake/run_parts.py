"""Parts of a run that other flow runs take, in the audit database: the way between their workers.

A part is planned, then running, then done with an outcome, or failed with an error. Who works at
one holds its lock, so that a part that is asked for twice is done once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Engine, delete, insert, select, update

from lakehouse import errors
from lakehouse.lake.audit_schema import run_parts
from lakehouse.lake.file_lock import Holder
from lakehouse.lake.shared_locks import Lock, shared_lock
from lakehouse.settings import Settings

Kind = Literal["build", "extract"]
_KEPT = timedelta(days=30)
PartStatus = Literal["planned", "running", "done", "failed"]


@dataclass(frozen=True)
class PlannedPart:
    """What one part has to do.

    Attributes:
        wave: parts of a wave may run side by side, and begin when the wave before has ended.
        work: ids of the nodes that it builds, or names of the tables that it extracts.
        options: how, as JSON types; without secrets.
    """

    wave: int
    work: tuple[str, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class RunPart:
    """A part as the audit database knows it.

    Attributes:
        split_id: of the run that was split.
        number: from 1, over all waves.
        left_out: of the work, what cannot be done because of what failed before it.
        attempts: how often a run was asked to take it.
        run_id: the flow run that took it last.
        outcome: what it came to, as JSON types; None until it is done, and after it was merged.
        error: class and message of what kept it from being done.
    """

    split_id: str
    number: int
    kind: Kind
    domain: str
    wave: int
    work: tuple[str, ...]
    options: Mapping[str, Any]
    left_out: tuple[str, ...]
    status: PartStatus
    attempts: int
    run_id: str | None
    planned_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    outcome: Mapping[str, Any] | None
    error: Mapping[str, str] | None

    @property
    def has_ended(self) -> bool:
        """Whether nobody works at it any more."""
        return self.status in ("done", "failed")

    @property
    def to_do(self) -> tuple[str, ...]:
        """Its work without what is left out."""
        left_out = set(self.left_out)
        return tuple(one for one in self.work if one not in left_out)


class RunParts:
    """Reads and writes of parts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def plan(
        self, split_id: str, kind: Kind, domain: str, parts: Sequence[PlannedPart]
    ) -> list[RunPart]:
        """Record what is to be done, unless the same was planned for this run before.

        Returns:
            The parts; after a restart with what is done already.
        """
        now = datetime.now(UTC)
        known = self.of(split_id)
        if [(one.wave, one.work, dict(one.options)) for one in known] == [
            (one.wave, one.work, dict(one.options)) for one in parts
        ]:
            return known
        rows = [
            {
                "split_id": split_id,
                "number": number,
                "kind": kind,
                "domain": domain,
                "wave": part.wave,
                "work": list(part.work),
                "options": dict(part.options),
                "left_out": [],
                "status": "planned",
                "attempts": 0,
                "planned_at": now,
            }
            for number, part in enumerate(parts, start=1)
        ]
        with self._engine.begin() as connection:
            old = (run_parts.c.domain == domain) & (run_parts.c.planned_at < now - _KEPT)
            connection.execute(delete(run_parts).where((run_parts.c.split_id == split_id) | old))
            if rows:
                connection.execute(insert(run_parts), rows)
        return self.of(split_id)

    def of(self, split_id: str) -> list[RunPart]:
        """The parts of a run, by number."""
        query = (
            select(run_parts).where(run_parts.c.split_id == split_id).order_by(run_parts.c.number)
        )
        with self._engine.connect() as connection:
            return [_part(row._mapping) for row in connection.execute(query)]

    def one(self, split_id: str, number: int) -> RunPart:
        """One part.

        Raises:
            PartRefused: there is none of this number.
        """
        found = [part for part in self.of(split_id) if part.number == number]
        if not found:
            raise errors.PartRefused(
                f"There is no part {number} of {split_id}: parts are planned by the run that is "
                "split. Start that run, not a part of it."
            )
        return found[0]

    def without(self, part: RunPart, left_out: Sequence[str]) -> RunPart:
        """Note what of a part cannot be done; it must not have been asked for yet."""
        self._set(part, left_out=sorted(left_out))
        return self.one(part.split_id, part.number)

    def leave_out(self, part: RunPart) -> None:
        """Note that nothing of a part can be done, which ends it."""
        self._set(part, left_out=list(part.work), status="done", outcome={})

    def ask(self, part: RunPart) -> RunPart:
        """Note that a run is asked to take the part; returns it with the number of attempts.

        A part that somebody works at, or has done, stays as it is.
        """
        self._set(part, only=("planned", "failed"), status="planned", run_id=None, error=None)
        self._set(part, attempts=run_parts.c.attempts + 1)
        return self.one(part.split_id, part.number)

    def begin(self, part: RunPart, run_id: str | None) -> None:
        """Note who works at the part; the caller holds its lock."""
        self._set(part, status="running", run_id=run_id, started_at=datetime.now(UTC), error=None)

    def give_back(self, part: RunPart) -> None:
        """Undo `begin`: who began may not work at the part."""
        self._set(part, status="planned", run_id=None, started_at=None)

    def end(self, part: RunPart, outcome: Mapping[str, Any]) -> None:
        """Note what the part came to; the caller holds its lock."""
        self._set(part, status="done", outcome=dict(outcome), ended_at=datetime.now(UTC))

    def fail(self, part: RunPart, error: BaseException) -> None:
        """Note why the part could not be done; the caller holds its lock."""
        self._set(part, status="failed", error=told_error(error), ended_at=datetime.now(UTC))

    def forget_outcomes(self, split_id: str) -> None:
        """Drop what was merged; who did what, and when, stays."""
        with self._engine.begin() as connection:
            connection.execute(
                update(run_parts).where(run_parts.c.split_id == split_id).values(outcome=None)
            )

    def statuses(self, split_id: str) -> dict[int, PartStatus]:
        """The status of each part by its number, without what they came to."""
        query = select(run_parts.c.number, run_parts.c.status).where(
            run_parts.c.split_id == split_id
        )
        with self._engine.connect() as connection:
            return {row.number: row.status for row in connection.execute(query)}

    def running(self, domain: str, kind: Kind) -> list[RunPart]:
        """Parts of a domain that say somebody works at them."""
        query = select(run_parts).where(
            run_parts.c.domain == domain,
            run_parts.c.kind == kind,
            run_parts.c.status == "running",
        )
        with self._engine.connect() as connection:
            return [_part(row._mapping) for row in connection.execute(query)]

    def _set(self, part: RunPart, only: Sequence[PartStatus] = (), **values: Any) -> None:
        statement = update(run_parts).where(
            run_parts.c.split_id == part.split_id, run_parts.c.number == part.number
        )
        if only:
            statement = statement.where(run_parts.c.status.in_(only))
        with self._engine.begin() as connection:
            connection.execute(statement.values(**values))


def part_lock(
    settings: Settings,
    part: RunPart,
    run: str,
    *,
    timeout: float,
    on_wait: Callable[[Holder | None], None] | None = None,
) -> Lock:
    """The lock of whoever works at a part; parts of one number of a domain share it.

    Args:
        settings: where locks lie.
        part: the part.
        run: name of this run, told to those who wait.
        timeout: seconds to wait for who works at it.
        on_wait: told who that is.
    """
    name = f"{part.domain}.{part.kind}-{part.number}"
    return shared_lock(
        settings,
        f"part {name}",
        settings.lock_file(name),
        run,
        timeout=timeout,
        on_wait=on_wait,
    )


def told_error(error: BaseException) -> dict[str, str]:
    """An error as JSON types; of one that is not ours the class: its words may quote values."""
    ours = isinstance(error, errors.AljibeError)
    kind = type(error).__name__
    return {"class": kind, "message": str(error) if ours else f"{kind}; see the log of its run"}


def error_from(told: Mapping[str, str]) -> errors.AljibeError:
    """The error that was told, of the class that it had where it was raised."""
    kind = getattr(errors, told["class"], None)
    if not (isinstance(kind, type) and issubclass(kind, errors.AljibeError)):
        kind = errors.PartFailed
    return kind(told["message"])


def error_of(part: RunPart) -> errors.AljibeError:
    """The error of a failed part."""
    told = part.error or {"class": "", "message": "it says no reason"}
    return error_from({**told, "message": f"part {part.number}: {told['message']}"})


def _part(row: Mapping[Any, Any]) -> RunPart:
    values = dict(row)
    for name in ("work", "left_out"):
        values[name] = tuple(values[name])
    return RunPart(**values)
