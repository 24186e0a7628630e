"""What earlier looks found, so that only changes are told: `health.json` in the home.

A file and not the audit database: that one may be what is in trouble, and disks belong to a
machine.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lakehouse.health.disk_space import DiskSample
from lakehouse.health.health_check import HealthCheck, Verdict
from lakehouse.lake.durable_files import publish_file

NOTES = "health.json"
_SAMPLES_KEPT = timedelta(days=7)
_BETWEEN_SAMPLES = timedelta(minutes=50)


@dataclass(frozen=True)
class KnownTrouble:
    """Trouble that was there at the last look: since when, and what operators were told of it."""

    since: datetime
    told: Verdict | None = None


@dataclass(frozen=True)
class HealthNotes:
    """What is kept from one look to the next.

    Attributes:
        samples: of disks, the oldest first.
        troubles: by the key of the check.
    """

    samples: tuple[DiskSample, ...] = ()
    troubles: dict[str, KnownTrouble] = field(default_factory=dict)

    def after(
        self, checks: Sequence[HealthCheck], samples: Sequence[DiskSample], now: datetime
    ) -> "HealthNotes":
        """The notes with what a look found; trouble that is over but was told of stays to tell."""
        found = {check.key: check for check in checks if check.in_trouble}
        troubles = {key: self.troubles.get(key, KnownTrouble(now)) for key in found}
        over = {
            key: known
            for key, known in self.troubles.items()
            if key not in found and known.told is not None
        }
        kept = [sample for sample in self.samples if now - sample.at <= _SAMPLES_KEPT]
        newest = {sample.folder: sample.at for sample in kept}
        kept += [
            sample
            for sample in samples
            if sample.folder not in newest or now - newest[sample.folder] >= _BETWEEN_SAMPLES
        ]
        return HealthNotes(tuple(kept), {**troubles, **over})

    def told_of(self, checks: Sequence[HealthCheck]) -> "HealthNotes":
        """The notes after operators were told how things stand."""
        found = {check.key: check for check in checks if check.in_trouble}
        return HealthNotes(
            self.samples,
            {
                key: replace(known, told=found[key].verdict)
                for key, known in self.troubles.items()
                if key in found
            },
        )


@dataclass(frozen=True)
class HealthChange:
    """What operators do not know yet.

    Attributes:
        new: checks in trouble that were not, or are worse than they were told.
        over: keys of those that are in order again.
    """

    new: tuple[HealthCheck, ...]
    over: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.new or self.over)


def changes(notes: HealthNotes, checks: Sequence[HealthCheck]) -> HealthChange:
    """Compare a look with what was told; `notes` are those after it."""
    found = {check.key: check for check in checks if check.in_trouble}
    new = [
        check
        for key, check in found.items()
        if notes.troubles[key].told not in (check.verdict, "broken")
    ]
    return HealthChange(tuple(new), tuple(sorted(notes.troubles.keys() - found.keys())))


def read_notes(home: Path) -> HealthNotes:
    """Read the notes; a file that is missing or damaged knows of nothing."""
    try:
        content: Any = json.loads((home / NOTES).read_text(encoding="utf-8"))
        return HealthNotes(
            tuple(
                DiskSample(str(folder), _moment(at), int(free))
                for folder, at, free in content["samples"]
            ),
            {
                str(key): KnownTrouble(_moment(since), told)
                for key, (since, told) in content["troubles"].items()
            },
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return HealthNotes()


def write_notes(home: Path, notes: HealthNotes) -> None:
    """Keep the notes, whole or as they were.

    Raises:
        OSError: the disk is full, or read-only.
    """
    content = {
        "samples": [[one.folder, one.at.isoformat(), one.free] for one in notes.samples],
        "troubles": {
            key: [known.since.isoformat(), known.told] for key, known in notes.troubles.items()
        },
    }
    part = home / f"{NOTES}.tmp"
    part.write_text(json.dumps(content, indent=1), encoding="utf-8")
    publish_file(part, home / NOTES)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
