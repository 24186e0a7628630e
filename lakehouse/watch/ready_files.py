"""Which files of a table's folder are complete and new, over several looks at it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from lakehouse.connectors.file_store import FoundFile, files_of
from lakehouse.lake.pending_files import pending_names
from lakehouse.lake.raw_lake import RawLake
from lakehouse.source_catalog import Table


@dataclass(frozen=True)
class ReadyFile:
    """A complete file that the ledger does not have.

    Attributes:
        source: of its table.
        table: whose pattern its name fits.
        folder: where it lies, as messages say it, without credentials.
        size: bytes.
        mtime_ns: nanoseconds since 1970 UTC.
    """

    source: str
    table: str
    folder: str
    name: str
    size: int
    mtime_ns: int

    @property
    def id(self) -> str:
        """A UUID that the same file in the same form always has."""
        parts = (self.source, self.table, self.folder, self.name, self.size, self.mtime_ns)
        told = "\n".join(map(str, parts))
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"lakehouse:arrival:{told!a}"))


@dataclass(frozen=True)
class Arrivals:
    """What a look found.

    Attributes:
        ready: complete and new.
        moving: names of files that are still being sent, or whose ready marker is missing.
        changed_at: when one of them was last seen to come or to change, by a monotonic clock.
    """

    ready: tuple[ReadyFile, ...] = ()
    moving: tuple[str, ...] = ()
    changed_at: float = 0.0


@dataclass
class WatchedTable:
    """A table whose folder is looked at again and again.

    The ledger is asked only where the listing differs from the last one, or something waits.
    """

    table: Table
    _listing: frozenset[tuple[str, int, int]] = frozenset()
    _since: dict[str, tuple[tuple[int, int, bool], float]] = field(default_factory=dict)
    _waits: bool = True

    def look(
        self, listing: Sequence[FoundFile], folder: str, lake: RawLake, now: float
    ) -> Arrivals:
        """Judge a listing.

        Args:
            listing: of the whole folder, now.
            folder: what it is called in messages.
            lake: with the ledger that knows what was loaded.
            now: of a monotonic clock, in seconds.
        """
        found = frozenset((file.name, file.size, file.mtime_ns) for file in listing)
        if found == self._listing and not self._waits:
            return Arrivals()
        self._listing = found
        sorted_out = files_of(self.table, listing)
        known = lake.ledger.newest_deliveries(self.table)
        candidates = (*sorted_out.files, *sorted_out.unready)
        pending = pending_names(candidates, known, self.table, lake)
        unready = {file.name for file in sorted_out.unready}
        self._since = {
            file.name: self._seen(file, now, marked=file.name not in unready)
            for file in candidates
            if file.name in pending
        }
        settled = {
            name
            for name, (_, since) in self._since.items()
            if name not in unready and now - since >= self.table.meta.settle_seconds
        }
        self._waits = bool(pending)
        return Arrivals(
            tuple(
                ReadyFile(
                    self.table.source, self.table.name, folder, file.name, file.size, file.mtime_ns
                )
                for file in sorted_out.files
                if file.name in settled
            ),
            tuple(sorted(set(self._since) - settled)),
            max((since for _, since in self._since.values()), default=0.0),
        )

    def _seen(
        self, file: FoundFile, now: float, *, marked: bool
    ) -> tuple[tuple[int, int, bool], float]:
        status = (file.size, file.mtime_ns, marked)
        before = self._since.get(file.name)
        # The first look of all, too, is only the first of two.
        return before if before and before[0] == status else (status, now)
