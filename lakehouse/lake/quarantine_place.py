"""Where what was refused is kept: a folder of this machine, or beside RAW in its bucket.

A bucket is read and written by way of a folder of this machine, below `scratch/`, so that keeping,
showing and replaying need not know of it. What lies below it is worth nothing once it is sent.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from lakehouse.lake.object_folder import ObjectFolder, StoredObject

NOTE = "reason.json"
# A point begins the name of no source.
BUCKET_FOLDER = ".quarantine"
_PART = ".part"


@dataclass(frozen=True)
class KeptFolder:
    """What is kept of one content; `path` is relative to the place, `newest` its last change."""

    path: str
    newest: datetime
    bytes: int


class QuarantinePlace(Protocol):
    """Reads and writes of what was refused; paths are `source/table/batch`."""

    def keeping(self, path: str) -> Path:
        """Folder of this machine in which something is to be kept."""

    def kept(self, path: str) -> None:
        """All that is to be kept there is there."""

    def notes(self, table: str) -> list[Path]:
        """The note of every refused file of `source/table`."""

    def whole(self, path: str) -> Path | None:
        """Folder of this machine with all that was kept; None if nothing was."""

    def folders(self, table: str) -> Iterator[KeptFolder]:
        """Everything kept of `source/table`."""

    def remove(self, path: str) -> None:
        """Remove what was kept."""


@dataclass(frozen=True)
class FolderQuarantine:
    """A folder of this machine; see `QuarantinePlace`."""

    root: Path

    def keeping(self, path: str) -> Path:
        """The place itself."""
        return self.root / path

    def kept(self, path: str) -> None:
        """It is where it belongs."""

    def notes(self, table: str) -> list[Path]:
        """Look."""
        return list((self.root / table).glob(f"*/{NOTE}"))

    def whole(self, path: str) -> Path | None:
        """The place itself."""
        kept = self.root / path
        return kept if kept.is_dir() else None

    def folders(self, table: str) -> Iterator[KeptFolder]:
        """Look; one that is going away meanwhile is left out."""
        for kept in (self.root / table).glob("*"):
            if not kept.is_dir():
                continue
            try:
                seen = [path.lstat() for path in (kept, *kept.rglob("*"))]
            except FileNotFoundError:
                continue
            newest = datetime.fromtimestamp(max(one.st_mtime for one in seen), UTC)
            size = sum(one.st_size for one in seen if stat.S_ISREG(one.st_mode))
            yield KeptFolder(kept.relative_to(self.root).as_posix(), newest, size)

    def remove(self, path: str) -> None:
        """Remove the folder."""
        shutil.rmtree(self.root / path)


@dataclass(frozen=True)
class BucketQuarantine:
    """A folder of the lake's bucket; see `QuarantinePlace`.

    Attributes:
        scratch: of this machine.
    """

    objects: ObjectFolder
    scratch: Path

    def keeping(self, path: str) -> Path:
        """An empty working folder, sent by `kept`; the caller holds the table's lock."""
        folder = self._working(path)
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def kept(self, path: str) -> None:
        """Send every file, the note last: it says that the others are there."""
        folder = self._working(path)
        files = [file for file in folder.rglob("*") if file.is_file()]
        for file in sorted(files, key=lambda one: (one.name == NOTE, one)):
            self.objects.put(file, f"{path}/{file.relative_to(folder).as_posix()}")
        shutil.rmtree(folder)

    def notes(self, table: str) -> list[Path]:
        """Fetch the notes of a table, which are small, with their times."""
        return [
            self._fetch(name, found)
            for name, found in self.objects.listing(f"{table}/").items()
            if name.endswith(f"/{NOTE}")
        ]

    def whole(self, path: str) -> Path | None:
        """Fetch what this machine has not fetched before."""
        found = self.objects.listing(f"{path}/")
        for name, one in found.items():
            self._fetch(name, one)
        return self._fetched / path if found else None

    def folders(self, table: str) -> Iterator[KeptFolder]:
        """List the table's objects once."""
        grouped: dict[str, list[StoredObject]] = {}
        for name, found in self.objects.listing(f"{table}/").items():
            grouped.setdefault("/".join(name.split("/")[:3]), []).append(found)
        for path, found_there in grouped.items():
            newest = max(one.modified for one in found_there)
            yield KeptFolder(path, newest, sum(one.size for one in found_there))

    def remove(self, path: str) -> None:
        """Remove its objects, the note first: the rest says nothing without it."""
        names = self.objects.listing(f"{path}/")
        for name in sorted(names, key=lambda one: (not one.endswith(f"/{NOTE}"), one)):
            self.objects.remove(name)
        shutil.rmtree(self._fetched / path, ignore_errors=True)

    def _working(self, path: str) -> Path:
        return self.scratch / "aljibe-kept" / path

    @property
    def _fetched(self) -> Path:
        return self.scratch / "aljibe-quarantine"

    def _fetch(self, name: str, found: StoredObject) -> Path:
        file, moment = self._fetched / name, found.modified.timestamp()
        if file.is_file() and (file.stat().st_size, file.stat().st_mtime) == (found.size, moment):
            return file
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{file.name}.{os.getpid()}{_PART}")
        self.objects.fetch(name, part)
        os.utime(part, (moment, moment))
        part.replace(file)
        return file
