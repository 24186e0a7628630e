"""Timed child processes, and what their numbers are told as."""

import json
import os
import platform
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_LOOK_EVERY_SECONDS = 0.1


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


@contextmanager
def peak_memory(
    processes: Callable[[], Iterable[psutil.Process]], every: float = _LOOK_EVERY_SECONDS
) -> Iterator[list[int]]:
    """Look again and again at the memory of processes and of all that they started.

    Args:
        processes: which, asked anew each time.
        every: seconds between two looks, each of which reads all processes of the machine.

    Yields:
        A list whose one element is the highest sum of resident memory so far, in bytes. Memory
        that two of them share counts twice.
    """
    peak, done = [0], threading.Event()

    def look() -> None:
        while not done.wait(every):
            peak[0] = max(peak[0], sum(map(_resident, processes())))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _resident(process: psutil.Process) -> int:
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for member in family:
        with suppress(psutil.NoSuchProcess):
            total += member.memory_info().rss
    return total


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
