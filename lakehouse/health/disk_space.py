"""Free space of the disks that a home lies on, and when it will be used up."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lakehouse.health.health_check import HealthCheck, Verdict
from lakehouse.lake.warehouse import lake_folder
from lakehouse.settings import Settings

LITTLE_DISK, NO_DISK = 5 * 2**30, 2**29
_DAY_SECONDS = 86_400.0
# Of a shorter time it would be a guess: one large load would fill any disk.
_SHORTEST_SECONDS = 6 * 3600.0


@dataclass(frozen=True)
class DiskSample:
    """Free bytes of a folder's disk at a moment (UTC)."""

    folder: str
    at: datetime
    free: int


def disk_samples(settings: Settings, now: datetime) -> list[DiskSample]:
    """Look at each disk once, by the first folder of the home that lies on it."""
    folders = {
        "home": settings.root,
        "raw": settings.raw,
        "warehouse": settings.warehouse("any").parent,
        "serving": settings.serving("any").parent,
        "quarantine": settings.quarantine,
        "reports": settings.reports,
        **({"lake": lake} if (lake := lake_folder(settings)) else {}),
    }
    seen: dict[int, DiskSample] = {}
    for name, folder in folders.items():
        there = next(path for path in (folder, *folder.parents) if path.exists())
        disk = there.stat().st_dev
        if disk not in seen:
            seen[disk] = DiskSample(name, now, shutil.disk_usage(there).free)
    return list(seen.values())


def check_disks(
    now: Iterable[DiskSample], before: Sequence[DiskSample], enough_days: float
) -> list[HealthCheck]:
    """Judge free space, and the days it lasts if it shrinks as it did.

    Args:
        now: of each disk.
        before: of earlier looks, the oldest first.
        enough_days: fewer than these are trouble.
    """
    return [_check(sample, before, enough_days) for sample in now]


def verdict_of(free: int) -> Verdict:
    """Judge free bytes alone."""
    return "ok" if free > LITTLE_DISK else "look" if free > NO_DISK else "broken"


def days_left(sample: DiskSample, before: Sequence[DiskSample]) -> float | None:
    """Days until a disk is full at the rate since the oldest look; None if it does not shrink."""
    first = next((one for one in before if one.folder == sample.folder), None)
    if first is None:
        return None
    seconds = (sample.at - first.at).total_seconds()
    used = first.free - sample.free
    if seconds < _SHORTEST_SECONDS or used <= 0:
        return None
    return sample.free / (used / seconds) / _DAY_SECONDS


def _check(sample: DiskSample, before: Sequence[DiskSample], enough_days: float) -> HealthCheck:
    verdict, text = verdict_of(sample.free), f"{sample.free / 2**30:.1f} GiB free"
    left = days_left(sample, before)
    if left is not None:
        text += f", full in {left:.1f} days if it goes on so"
        if left < enough_days and verdict == "ok":
            verdict = "look"
    return HealthCheck("disk", sample.folder, verdict, text)
