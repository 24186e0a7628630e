"""Looks at all folders of a domain, and what is to be told of them."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from lakehouse.connectors.file_store import FileStore
from lakehouse.connectors.folder import LocalFolder
from lakehouse.errors import AljibeError
from lakehouse.lake.raw_lake import RawLake
from lakehouse.reports.run_events import RunEvent
from lakehouse.source_catalog import Catalog, Table
from lakehouse.watch.arrival_events import arrivals_settled, file_arrived
from lakehouse.watch.ready_files import Arrivals, ReadyFile, WatchedTable
from lakehouse.watch.settling import Settling, SettlingTimes

FOLDERS = ("files", "sftp")
_AFTER_FAULT_SECONDS = 3.0
_SOONEST_SECONDS = 0.5
OpenStore = Callable[[Table], FileStore]
Say = Callable[[str], None]


@dataclass
class WatchedFolder:
    """A folder, the tables whose files lie in it, and when it is looked at next.

    Attributes:
        tables: at least one.
        every: seconds between two looks, where it is not on this machine.
        fault: why it could not be looked at last time, or empty.
    """

    tables: tuple[WatchedTable, ...]
    every: float = 0.0
    fault: str = ""
    store: FileStore | None = None
    next_at: float = 0.0
    arrivals: tuple[Arrivals, ...] = ()


@dataclass
class DomainWatch:
    """The folders of one domain.

    Attributes:
        domain: its name.
        folders: of connectors `files` and `sftp`; a domain may have none.
        lake: with the ledger.
        open_store: gives the store of a table.
        say: told, in words, what cannot be looked at, once for each change.
    """

    domain: str
    folders: tuple[WatchedFolder, ...]
    lake: RawLake
    open_store: OpenStore
    say: Say
    settling: Settling
    _told: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(
        cls,
        catalog: Catalog,
        lake: RawLake,
        open_store: OpenStore,
        say: Say,
        *,
        times: SettlingTimes | None = None,
        poll_seconds: float = 2.0,
    ) -> "DomainWatch":
        """Watch what a domain declares.

        Args:
            catalog: its tables.
            lake: where its files go.
            open_store: gives the store of a table.
            say: told what cannot be looked at.
            times: how long it waits.
            poll_seconds: between two looks at a folder that is not on this machine.
        """
        blocks: dict[tuple[str, str], list[WatchedTable]] = {}
        for table in catalog.tables:
            if table.connector in FOLDERS:
                blocks.setdefault((table.connector, table.block), []).append(WatchedTable(table))
        folders = (WatchedFolder(tuple(tables), poll_seconds) for tables in blocks.values())
        settling = Settling(times or SettlingTimes())
        return cls(catalog.domain, tuple(folders), lake, open_store, say, settling)

    @property
    def waiting(self) -> tuple[ReadyFile, ...]:
        """Every file that was ready at the last look, the oldest first."""
        found = (file for folder in self.folders for one in folder.arrivals for file in one.ready)
        return tuple(sorted(found, key=lambda file: (file.mtime_ns, file.name)))

    def look(self, now: float | None = None) -> list[RunEvent]:
        """Look at every folder whose time has come.

        Args:
            now: of the monotonic clock; default now.

        Returns:
            What is to be told: each ready file once, and that the arrivals have settled.
        """
        at = time.monotonic() if now is None else now
        for folder in self.folders:
            if at >= folder.next_at:
                self._look_at(folder, at)
        ready = self.waiting
        ids = frozenset(file.id for file in ready)
        events = [file_arrived(self.domain, file) for file in ready if file.id not in self._told]
        self._told = ids
        arrivals = [one for folder in self.folders for one in folder.arrivals]
        attempt = self.settling.due(
            ids,
            moving=any(one.moving for one in arrivals),
            changed_at=max((one.changed_at for one in arrivals), default=0.0),
            now=at,
        )
        if attempt is not None:
            events.append(arrivals_settled(self.domain, ready, attempt))
        return events

    def not_told(self) -> None:
        """The events of the last look reached nobody: the next look gives them again."""
        self._told = frozenset()
        self.settling.not_told()

    def close(self) -> None:
        """End every connection."""
        for folder in self.folders:
            _close(folder)

    def _look_at(self, folder: WatchedFolder, at: float) -> None:
        first = folder.tables[0].table
        try:
            if folder.store is None:
                folder.store = self.open_store(first)
            listing = folder.store.listing(first)
            arrivals = [
                table.look(listing, str(folder.store), self.lake, at) for table in folder.tables
            ]
        except AljibeError as error:
            _close(folder)
            folder.arrivals = ()
            folder.next_at = at + max(folder.every, _AFTER_FAULT_SECONDS)
            self._say_fault(folder, str(error))
            return
        folder.arrivals = tuple(arrivals)
        folder.next_at = at + self._wait_before_next(folder)
        self._say_fault(folder, "")

    def _wait_before_next(self, folder: WatchedFolder) -> float:
        """Seconds; a file that has just come is looked at again as soon as it can have settled."""
        if isinstance(folder.store, LocalFolder):
            # A look costs nothing here, and whoever waits for changes calls for it.
            return 0.0
        settle = [
            table.table.meta.settle_seconds
            for table, found in zip(folder.tables, folder.arrivals, strict=True)
            if found.moving
        ]
        return min([folder.every, *(max(one, _SOONEST_SECONDS) for one in settle)])

    def _say_fault(self, folder: WatchedFolder, fault: str) -> None:
        if fault == folder.fault:
            return
        folder.fault = fault
        block = folder.tables[0].table.block
        self.say(
            f"{self.domain}: {fault} Looking again."
            if fault
            else f"{self.domain}: the folder of {block} can be looked at again."
        )


def look_at_all(watches: Iterable[DomainWatch], send: Callable[[Sequence[RunEvent]], None]) -> int:
    """Look once at every domain and tell what is new.

    Args:
        watches: the domains.
        send: hands events over; raises an `AljibeError` if nobody took them.

    Returns:
        How many events were told.
    """
    told = 0
    for watch in watches:
        events = watch.look()
        if not events:
            continue
        try:
            send(events)
        except AljibeError:
            watch.not_told()
            raise
        told += len(events)
    return told


def _close(folder: WatchedFolder) -> None:
    store, folder.store = folder.store, None
    if store is not None:
        store.close()
