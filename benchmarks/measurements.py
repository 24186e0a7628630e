"""Timed child processes, and what their numbers are told as."""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class MeasurementError(RuntimeError):
    """A measured command ended badly, so that its time means nothing."""


@dataclass(frozen=True)
class Spread:
    """A few measurements of one thing, in the unit of the values."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def shown(self, digits: int = 2) -> str:
        low, high = min(self.values), max(self.values)
        return f"{self.median:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Ours over theirs, round by round: what slows a whole round down cancels out."""
    return Spread(tuple(one / other for one, other in zip(ours, theirs, strict=True)))


def timed(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    allowed: tuple[int, ...] = (0,),
) -> float:
    """Run a command to its end and return its wall time in seconds.

    Raises:
        MeasurementError: it ended with another code than `allowed`; with the end of its log.
    """
    with log.open("wb") as out:
        started = time.perf_counter()
        ended = subprocess.run(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            check=False,
        )
        seconds = time.perf_counter() - started
    if ended.returncode not in allowed:
        tail = "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-30:])
        shown = " ".join(map(str, command))
        raise MeasurementError(f"{shown} ended with {ended.returncode}:\n{tail}")
    return seconds


def machine() -> str:
    """What the numbers were measured on, in a few words."""
    pages, page_size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return (
        f"{os.cpu_count()} cores, {pages * page_size / 2**30:.0f} GB, "
        f"Python {platform.python_version()}, {platform.system()}"
    )


def write_json(path: Path, result: Mapping[str, object]) -> None:
    """Keep a result for later comparison."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
