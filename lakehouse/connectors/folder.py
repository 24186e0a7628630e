"""Deliveries in a folder of this machine: they stay where they are and are read in place.

A symbolic link may lead anywhere and is ignored like a folder or a pipe.
"""

import os
import stat
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lakehouse.connectors.file_store import (
    FetchedFile,
    FoundFile,
    OnWait,
    change_of,
    files_of,
)
from lakehouse.errors import DeliveryMoving, DeliveryUnreadable, LandingFolderMissing
from lakehouse.lake.durable_files import make_folder, sync
from lakehouse.source_catalog import Table

__all__ = ["PROCESSED", "FoundFile", "LocalFolder", "assert_unchanged", "find_files"]

PROCESSED = "processed"


@dataclass(frozen=True)
class LocalFolder:
    """A `FileStore` on this machine.

    Attributes:
        path: absolute; it need not exist.
    """

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def listing(self, table: Table) -> list[FoundFile]:
        """See `FileStore.listing`."""
        try:
            names = [path.name for path in self.path.iterdir()]
        except OSError as error:
            raise LandingFolderMissing(
                f"{table.full_name}: the landing folder {self.path} cannot be listed "
                f"({error.strerror}). Create it and let this user read it, or point the block "
                f"{table.block} at the right one."
            ) from error
        found = ((name, _regular_file(self.path / name)) for name in names)
        return [FoundFile(name, *status) for name, status in found if status]

    def look(self, files: Sequence[FoundFile]) -> Mapping[str, tuple[int, int]]:
        """See `FileStore.look`."""
        found = ((file.name, _regular_file(self.path / file.name)) for file in files)
        return {name: status for name, status in found if status}

    def local_file(self, found: FoundFile) -> Path:
        """See `FileStore.local_file`."""
        return self.path / found.name

    def fetch(
        self, files: Sequence[FoundFile], scratch: Path, on_wait: OnWait
    ) -> Generator[FetchedFile, None, None]:
        """See `FileStore.fetch`; nothing is copied."""
        del scratch, on_wait
        return (FetchedFile(file, self.path, fault=self._fault(file)) for file in files)

    def _fault(self, file: FoundFile) -> DeliveryUnreadable | None:
        path = self.path / file.name
        # A file that is gone meanwhile is told as such by whoever reads it.
        if os.access(path, os.R_OK) or not path.exists():
            return None
        return DeliveryUnreadable(f"this user may not read it in {self.path}. Correct its rights.")

    def set_aside(self, found: FoundFile) -> str | None:
        """See `FileStore.set_aside`; what has the name in `processed/` is never replaced.

        Raises:
            OSError: the file cannot be moved; it is where it was.
        """
        folder = self.path / PROCESSED
        make_folder(folder)
        target = _claimed_name(folder, found)
        try:
            (self.path / found.name).rename(target)
        except OSError as error:
            target.unlink()
            if isinstance(error, FileNotFoundError):
                return None
            raise
        if _regular_file(target) != (found.size, found.mtime_ns):
            _put_back(target, self.path / found.name)
            return None
        sync(folder)
        sync(self.path)
        return f"{PROCESSED}/{target.name}"

    def close(self) -> None:
        """See `FileStore.close`."""


def find_files(folder: Path, table: Table) -> list[FoundFile]:
    """List the complete files of a table in a folder of this machine, the oldest first.

    Raises:
        LandingFolderMissing: the folder does not exist or cannot be listed.
    """
    return list(files_of(table, LocalFolder(folder).listing(table)).files)


def assert_unchanged(folder: Path, found: FoundFile) -> None:
    """Make sure that what was read is what was found.

    Raises:
        DeliveryMoving: size or time differ by now, or the file is gone.
    """
    if what := change_of(found, _regular_file(folder / found.name)):
        raise DeliveryMoving(
            f"{found.name} in {folder} {what} while it was read: its sender is not done yet."
        )


def _regular_file(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def _claimed_name(folder: Path, found: FoundFile) -> Path:
    """An empty file of a name that was free, for a rename to replace."""
    stem, dot, suffixes = found.name.partition(".")
    number = 0
    while True:
        mark = f".{found.mtime_ns}" + (f".{number}" if number > 1 else "") if number else ""
        path = folder / f"{stem}{mark}{dot}{suffixes}"
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            number += 1
        else:
            return path


def _put_back(moved: Path, place: Path) -> None:
    """Return a file that came in the place of the one that was loaded, unless a third one did."""
    try:
        place.hardlink_to(moved)
    except FileExistsError:
        return
    moved.unlink()
