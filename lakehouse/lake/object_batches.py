"""Batches in a bucket: sent whole to their final key, and seen by readers once the ledger has them.

A key follows from content and day. An object that no row of the ledger names is seen by nobody;
the next load of the same content takes or passes it, and retention removes it.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from lakehouse.lake.batch_store import Scan
from lakehouse.lake.ledger import Batch
from lakehouse.lake.object_folder import ObjectFolder
from lakehouse.sql_quoting import sql_string

# No load's own scratch lies below a name with a hyphen.
_UPLOADS = "aljibe-uploads"


@dataclass(frozen=True)
class OutgoingFile:
    """A batch on this machine's disk, on its way to its key."""

    path: Path
    key: str
    objects: ObjectFolder

    def send(self) -> None:
        """Put it under its key, where nobody looks before the commit."""
        self.objects.put(self.path, self.key)

    def show(self) -> None:
        """The commit did; the copy on this machine goes."""
        shutil.rmtree(self.path.parent, ignore_errors=True)

    def discard(self) -> None:
        """Remove the copy on this machine; what was sent already, nobody sees."""
        shutil.rmtree(self.path.parent, ignore_errors=True)


@dataclass(frozen=True)
class ObjectBatches:
    """The RAW lake in a bucket; see `BatchStore`.

    Attributes:
        scratch: folder of this machine for batches that are being written.
    """

    objects: ObjectFolder
    scratch: Path

    def unseen(self, path: PurePosixPath, *, again: bool) -> OutgoingFile:  # noqa: ARG002
        """Name a file of this machine; one that a dead load of the table left goes."""
        folder = self.scratch / _UPLOADS / Path(*path.parts[:2])
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return OutgoingFile(folder / path.name, str(path), self.objects)

    def holds(self, path: str) -> bool:
        """Ask for its size."""
        return self.objects.size_of(path) is not None

    def missing(self, source: str, table: str, batches: Iterable[Batch]) -> list[Batch]:
        """List the table's objects once, whatever the number of batches."""
        wanted = list(batches)
        if len(wanted) == 1:
            return [batch for batch in wanted if not self.holds(batch.path)]
        there = self.objects.listing(f"{source}/{table}/") if wanted else {}
        return [batch for batch in wanted if batch.path not in there]

    def unknown_file(self, source: str, table: str, batch_id: str) -> PurePosixPath | None:  # noqa: ARG002
        """None is visible."""
        return None

    def needs_recovery(self) -> bool:
        """What is committed is whole under its key."""
        return False

    def recover(
        self,
        source: str,  # noqa: ARG002
        table: str,  # noqa: ARG002
        batches: Callable[[], Iterable[Batch]],  # noqa: ARG002
    ) -> list[str]:
        """Nothing: readers see no object that was not committed; see `remove_unnamed`."""
        return []

    def scan(
        self,
        source: str,  # noqa: ARG002
        table: str,  # noqa: ARG002
        batches: Callable[[], Sequence[Batch]],
    ) -> Scan | None:
        """The objects that the ledger names, and no other."""
        named = sorted(batches(), key=lambda batch: batch.path)
        if not named:
            return None
        files = ", ".join(sql_string(self.objects.url_of(batch.path)) for batch in named)
        alike = len({batch.schema_hash for batch in named}) == 1
        return Scan(f"[{files}]", alike=alike, remote=True)

    def remove_unnamed(
        self, source: str, table: str, batches: Iterable[Batch], before: datetime
    ) -> Iterator[tuple[str, int]]:
        """Remove objects that no batch of the ledger names; the caller holds the table's lock.

        Args:
            source: of the table.
            table: its name.
            batches: all that the ledger knows of the table, read under the lock.
            before: younger objects stay: their writer may have lost the lock without knowing.

        Yields:
            Key and bytes of what was removed, after it was.
        """
        named = {batch.path for batch in batches}
        for key, found in self.objects.listing(f"{source}/{table}/").items():
            if key not in named and found.modified < before:
                self.objects.remove(key)
                yield key, found.size
