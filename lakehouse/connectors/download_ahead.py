"""Downloads that run ahead of the loads: a few connections, in order, within a bound of disk."""

import shutil
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol

from lakehouse.connectors.download_folder import download_folder
from lakehouse.connectors.file_store import FetchedFile, FoundFile, OnWait
from lakehouse.errors import RemoteFolderRefused, ResourcesExhausted, TransientError
from lakehouse.lake.duckdb_session import resources_suffice

AHEAD_BYTES = 512 << 20
SMALL_FILE_BYTES = 1 << 20
GROUP_BYTES = 4 << 20
GROUP_FILES = 64
_TELL_SECONDS = 0.25


@dataclass(frozen=True)
class WantedFile:
    """A file and the scratch path, which does not exist yet, that it is to be written to."""

    found: FoundFile
    target: Path


class DownloadStopped(Exception):
    """Nobody waits for this download any more."""


OnBytes = Callable[[int], None]
"""Told how many more bytes arrived; raises `DownloadStopped` to end the download."""


class Fetcher(Protocol):
    """One connection to a server; used by one thread at a time."""

    def fetch(self, files: Sequence[WantedFile], on_bytes: OnBytes) -> list[Exception | None]:
        """Write each file to its target, verified against what was found.

        Returns:
            For each file None, or the error that concerns only this file.

        Raises:
            TransientError: the server cannot be reached any more.
        """

    def close(self) -> None:
        """End the connection, also from another thread while it is used."""


@dataclass
class _Budget:
    """Lets groups begin one after another while what lies on the disk stays within a bound."""

    limit: int
    _held: int = 0
    _next: int = 0
    _stopped: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, number: int, size: int) -> None:
        """Wait for the turn of group `number`; a group over the bound has the disk to itself."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._admits(number, size))
            if self._stopped:
                raise DownloadStopped
            self._next, self._held = number + 1, self._held + size
            self._changed.notify_all()

    def _admits(self, number: int, size: int) -> bool:
        return number == self._next and (not self._held or self._held + size <= self.limit)

    def give_back(self, size: int) -> None:
        with self._changed:
            self._held -= size
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @property
    def stopped(self) -> bool:
        return self._stopped


class _Connections:
    """Fetchers that are opened when needed and used again.

    Many servers allow one user only a few sessions: where another cannot be opened beside one
    that works, the download waits for that one.
    """

    def __init__(self, open_fetcher: Callable[[], Fetcher]) -> None:
        self._open_fetcher = open_fetcher
        self._idle: SimpleQueue[Fetcher | None] = SimpleQueue()
        self._open: set[Fetcher] = set()
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self.received = 0

    def fetch(self, files: Sequence[WantedFile], budget: _Budget) -> list[Exception | None]:
        def count(size: int) -> None:
            self.received += size
            if budget.stopped:
                raise DownloadStopped

        try:
            fetcher = self._take(budget)
        except BaseException:
            self._idle.put(None)
            raise
        try:
            faults = fetcher.fetch(files, count)
        except BaseException:
            self._end(fetcher)
            raise
        self._idle.put(fetcher)
        return faults

    def close(self) -> None:
        with self._lock:
            fetchers = list(self._open)
        for fetcher in fetchers:
            self._end(fetcher)

    def _take(self, budget: _Budget) -> Fetcher:
        try:
            idle = self._idle.get_nowait()
        except Empty:
            idle = None
        while idle is None:
            if budget.stopped:
                raise DownloadStopped
            idle = self._opened() or self._idle.get()
        return idle

    def _opened(self) -> Fetcher | None:
        """Another connection, one after the other; None where the server wants no more."""
        with self._opening:
            try:
                fetcher = self._open_fetcher()
            except (TransientError, RemoteFolderRefused):
                with self._lock:
                    if not self._open:
                        raise
                return None
            with self._lock:
                self._open.add(fetcher)
            return fetcher

    def _end(self, fetcher: Fetcher) -> None:
        with self._lock:
            self._open.discard(fetcher)
        fetcher.close()
        # Wakes one that waits for this connection; it finds out why there is none, and so on.
        self._idle.put(None)


def download_ahead(
    files: Sequence[FoundFile],
    scratch: Path,
    on_wait: OnWait,
    open_fetcher: Callable[[], Fetcher],
    *,
    connections: int,
    ahead_bytes: int = AHEAD_BYTES,
) -> Generator[FetchedFile, None, None]:
    """Yield the files in their order while the next ones are being downloaded.

    Small files travel in groups. On the disk are at most `ahead_bytes`, or one file.

    Args:
        files: what to download.
        scratch: folder in which this call makes its own, gone at the end.
        on_wait: see `FileStore.fetch`.
        open_fetcher: makes a connection, or raises as `Fetcher.fetch` does.
        connections: most connections at the same time.
        ahead_bytes: bound of what lies downloaded, or is about to.

    Raises:
        TransientError: see `Fetcher.fetch`.
        ResourcesExhausted: the disk is full.
    """
    if not files:
        return
    budget, links = _Budget(ahead_bytes), _Connections(open_fetcher)
    total = sum(file.size for file in files)
    with download_folder(scratch) as folder:
        pool = ThreadPoolExecutor(connections, thread_name_prefix="download")
        try:
            begun = deque(
                (group, pool.submit(_fetch_group, group, number, budget, links))
                for number, group in enumerate(_groups(files, folder))
            )
            while begun:
                group, future = begun.popleft()
                _await(future, group, on_wait, lambda: _shown(links.received, total))
                for wanted, fault in zip(group, future.result(), strict=True):
                    yield FetchedFile(wanted.found, folder, wanted.target.name, fault)
                    wanted.target.unlink(missing_ok=True)
                    budget.give_back(wanted.found.size)
        finally:
            budget.stop()
            links.close()
            pool.shutdown(wait=True, cancel_futures=True)
            # A connection may have been opened while the others were closed.
            links.close()


def _groups(files: Sequence[FoundFile], folder: Path) -> Iterator[list[WantedFile]]:
    group: list[WantedFile] = []
    size = 0
    for number, file in enumerate(files):
        small = file.size <= SMALL_FILE_BYTES
        full = len(group) == GROUP_FILES or size + file.size > GROUP_BYTES
        if group and (full or not small):
            yield group
            group, size = [], 0
        group.append(WantedFile(file, folder / f"{number:08d}"))
        size += file.size
        if not small:
            yield group
            group, size = [], 0
    if group:
        yield group


def _fetch_group(
    group: Sequence[WantedFile], number: int, budget: _Budget, links: _Connections
) -> list[Exception | None]:
    size = sum(wanted.found.size for wanted in group)
    budget.take(number, size)
    folder = group[0].target.parent
    free = shutil.disk_usage(folder).free
    if free < size:
        raise ResourcesExhausted(
            f"The download of {_named(group)} needs {size} bytes in {folder.parent}, where {free} "
            "are free. Nothing was changed; make room there, then run again."
        )
    with resources_suffice(f"The download of {_named(group)} to {folder.parent}"):
        return links.fetch(group, budget)


def _named(group: Sequence[WantedFile]) -> str:
    others = f" and {len(group) - 1} more" if len(group) > 1 else ""
    return f"{group[0].found.name}{others}"


def _await(
    future: Future[list[Exception | None]],
    group: Sequence[WantedFile],
    on_wait: OnWait,
    shown: Callable[[], str],
) -> None:
    while not wait([future], timeout=_TELL_SECONDS).done:
        on_wait(f"{group[0].found.name}: {shown()} received")


def _shown(received: int, total: int) -> str:
    return f"{received / 1e6:.1f} of {total / 1e6:.1f} MB"
