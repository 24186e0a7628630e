"""Files brought into a bucket, each read back and compared; a note tells which are done."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from lakehouse.backup.backup_store import hash_of
from lakehouse.backup.many_files import for_each
from lakehouse.errors import LakeDamaged
from lakehouse.lake.object_folder import ObjectFolder, StoredObject


@dataclass(frozen=True)
class MovedFile:
    """A file that was found equal in the bucket.

    Attributes:
        name: below the bucket's prefix.
        mtime_ns: of the file then, nanoseconds since 1970.
        etag: of the object then, which changes with it.
    """

    name: str
    size: int
    mtime_ns: int
    sha256: str
    etag: str


class MovedFiles:
    """Brings files into a bucket; again, it goes on where it was ended.

    Args:
        objects: where they go.
        note: file of this machine with a line of JSON for each that is done.
    """

    def __init__(self, objects: ObjectFolder, note: Path) -> None:
        self._objects = objects
        self._note = note
        self._done = {one.name: one for one in _read(note)}
        self._writing = Lock()
        self._there: dict[str, StoredObject] = {}

    def bring(self, files: list[tuple[str, Path]]) -> Iterator[tuple[MovedFile, bool]]:
        """Bring files, some at a time.

        Args:
            files: name below the bucket's prefix, and where it lies.

        Yields:
            Each file, and whether it was sent now.

        Raises:
            LakeDamaged: a file is gone, or changed, or the bucket gives other bytes than it got.
            LakeRefused, LakeUnavailable: the bucket cannot be used, or not now.
        """
        self._there = self._objects.listing()
        self._note.parent.mkdir(parents=True, exist_ok=True)
        for _, moved in for_each(files, self._bring_one, step="move", total=len(files)):
            yield moved

    def _bring_one(self, one: tuple[str, Path]) -> tuple[MovedFile, bool]:
        name, file = one
        try:
            status = file.stat()
        except FileNotFoundError:
            raise LakeDamaged(
                f"{file} is named by the ledger and is not there. Bring it back, as by `aljibe "
                "restore --missing-only`, or run ingest with its delivery in the landing folder."
            ) from None
        stored, done = self._there.get(name), self._done.get(name)
        known = (status.st_size, status.st_mtime_ns)
        if stored and done and (done.size, done.mtime_ns) == known and done.etag == stored.etag:
            return done, False
        sha256, sent = hash_of(file), False
        if stored is None or stored.size != status.st_size or not self._is_equal(name, sha256):
            self._objects.put(file, name)
            sent = True
            if not self._is_equal(name, sha256):
                raise LakeDamaged(
                    f"{self._objects.url_of(name)} gives other bytes than {file} has. If it did "
                    "not change meanwhile, the store is damaged; run again."
                )
        stored = self._objects.look(name)
        moved = MovedFile(name, *known, sha256, stored.etag if stored else "")
        with self._writing, self._note.open("a", encoding="utf-8") as note:
            note.write(json.dumps(asdict(moved)) + "\n")
        return moved, sent

    def _is_equal(self, name: str, sha256: str) -> bool:
        digest = hashlib.sha256()
        for piece in self._objects.chunks(name):
            digest.update(piece)
        return digest.hexdigest() == sha256


def _read(note: Path) -> Iterator[MovedFile]:
    if not note.is_file():
        return
    with note.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                yield MovedFile(**json.loads(line))
            except (ValueError, TypeError):
                # The line that was being written when the last one died.
                continue
