"""What a backup consists of: one JSON file a backup, and the list of its files as an object.

`backups/<id>.json` is written last, so that a backup without one never happened. The list has a
line of JSON for each file, gzip around all of it, and is an object like the files themselves.
"""

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from lakehouse.backup.backup_store import BackupStore, object_name
from lakehouse.errors import BackupDamaged, BackupRefused

FOLDER = "backups"
_ID = re.compile(r"\d{8}T\d{6}Z(?:-\d+)?")


class StoredFile(BaseModel):
    """A file of the home.

    Attributes:
        path: below `raw/` or `quarantine/`, whatever the settings call these folders.
        mtime_ns: of the file when it was copied, nanoseconds since 1970 UTC.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    size: int
    mtime_ns: int
    sha256: str

    @property
    def area(self) -> str:
        """`raw` or `quarantine`."""
        return PurePosixPath(self.path).parts[0]

    @property
    def inside(self) -> PurePosixPath:
        """The path inside its area."""
        return PurePosixPath(*PurePosixPath(self.path).parts[1:])


class BackupHeader(BaseModel):
    """A backup.

    Attributes:
        backup_id: moment of its start in UTC, which sorts as text.
        ledger: hash of the ledger as SQLite file.
        files: hash of the list of files.
        file_count: files of the list.
        total_bytes: of these files and the ledger.
        missing: files that the ledger names and that neither the lake nor an older backup had.
        changed: files of RAW with another content than in the backup before: loaded again after
            they were lost, or damaged.
        raw_url: of the bucket in which RAW and quarantine stayed; the backup has only the ledger.
        version: of Aljibe's format.
    """

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    backup_id: str
    started_at: datetime
    ended_at: datetime
    ledger: str
    ledger_revision: str
    files: str
    file_count: int
    total_bytes: int
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    raw_url: str | None = None


def backup_ids(store: BackupStore) -> list[str]:
    """Ids of the backups at a place, the oldest first."""
    names = [name.removesuffix(".json") for name in store.names_in(FOLDER)]
    return sorted(name for name in names if _ID.fullmatch(name))


def read_header(store: BackupStore, backup_id: str | None = None) -> BackupHeader:
    """Read one backup, or the newest.

    Raises:
        BackupRefused: there is none, or none of this id; names those there are.
        BackupDamaged: it cannot be read.
    """
    known = backup_ids(store)
    if not known or (backup_id and backup_id not in known):
        there = f"there are {', '.join(known[-5:])}" if known else "there is none"
        raise BackupRefused(f"{store.shown} holds no backup {backup_id or 'at all'}: {there}.")
    name = f"{FOLDER}/{backup_id or known[-1]}.json"
    try:
        return BackupHeader.model_validate_json(store.read_named(name))
    except ValidationError as error:
        raise BackupDamaged(
            f"{store.shown}: {name} cannot be read ({error.error_count()} faults); it is damaged, "
            "or of a newer version of Aljibe."
        ) from None


def write_header(store: BackupStore, header: BackupHeader, scratch: Path) -> None:
    """Make a backup one that happened."""
    file = scratch / "backup.json"
    file.write_text(header.model_dump_json(indent=1) + "\n", encoding="utf-8")
    store.put_named(file, f"{FOLDER}/{header.backup_id}.json")


def write_files(files: Iterable[StoredFile], target: Path) -> None:
    """Write a list of files; the same list gives the same bytes."""
    with target.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as output:
        for file in files:
            output.write(file.model_dump_json().encode() + b"\n")


def read_files(store: BackupStore, header: BackupHeader, scratch: Path) -> Iterator[StoredFile]:
    """Read the list of files of a backup, checked against its hash.

    Args:
        store: where the backup lies.
        header: of the backup.
        scratch: existing folder for a working copy.

    Raises:
        BackupDamaged: the list is missing or damaged, or names a place outside the lake.
    """
    copy = scratch / f"{header.files[:16]}.files.gz"
    store.fetch(header.files, copy)
    try:
        with gzip.open(copy, "rb") as lines:
            for line in lines:
                yield _checked(StoredFile.model_validate(json.loads(line)), store)
    except (ValueError, EOFError, OSError) as error:
        raise BackupDamaged(
            f"{store.shown}: {object_name(header.files)} is no list of files "
            f"({type(error).__name__})."
        ) from None
    finally:
        copy.unlink(missing_ok=True)


def _checked(file: StoredFile, store: BackupStore) -> StoredFile:
    path = PurePosixPath(file.path)
    if path.is_absolute() or ".." in path.parts or file.area not in ("raw", "quarantine"):
        raise BackupDamaged(f"{store.shown}: a file would lie outside the lake: {file.path!r}.")
    if len(path.parts) < 2 or not re.fullmatch(r"[0-9a-f]{64}", file.sha256):
        raise BackupDamaged(f"{store.shown}: {file.path!r} is no file of a lake.")
    return file
