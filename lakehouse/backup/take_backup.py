"""Back up the ledger and the files it names, while runs go on.

The ledger comes first, as of one moment; RAW files are never changed, so that all it names can be
copied after it. What the store holds already is not sent again: a backup that was killed goes on
where it stopped, and the next one sends only what is new.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from lakehouse.backup.backup_manifest import (
    BackupHeader,
    StoredFile,
    backup_ids,
    read_files,
    read_header,
    write_files,
    write_header,
)
from lakehouse.backup.backup_store import BackupStore, hash_of
from lakehouse.backup.ledger_snapshot import (
    migrate_snapshot,
    paths_in,
    revision_of,
    take_snapshot,
)
from lakehouse.backup.many_files import for_each
from lakehouse.errors import BackupDamaged, LockWaitTooLong
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.object_folder import ObjectFolder
from lakehouse.lake.partition_layout import TEMPORARY, temporary_path
from lakehouse.lake.shared_locks import shared_lock
from lakehouse.settings import Settings

BACKUP_LOCK = "aljibe-backup"


@dataclass(frozen=True)
class BackupOutcome:
    """What a backup did.

    Attributes:
        sent: files that the store did not have, the ledger among them.
        sent_bytes: of these.
    """

    header: BackupHeader
    sent: int
    sent_bytes: int


@dataclass
class _Sending:
    """What the store has, and what this backup sent."""

    store: BackupStore
    stored: dict[str, int]
    sent: int = 0
    sent_bytes: int = 0
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    _counting: Lock = field(default_factory=Lock)

    def send(self, file: Path, sha256: str) -> None:
        size = file.stat().st_size
        if self.stored.get(sha256) == size:
            return
        self.store.put_object(file, sha256)
        with self._counting:
            self.stored[sha256] = size
            self.sent += 1
            self.sent_bytes += size


def take_backup(settings: Settings, store: BackupStore) -> BackupOutcome:
    """Back up audit database, RAW lake and quarantine.

    Of RAW in a bucket nothing is copied: that every object of the ledger is there in its size is
    looked at, and the backup names the bucket.

    Returns:
        The backup, with the files that the ledger names and nobody has any more.

    Raises:
        LockWaitTooLong: another backup of this home runs.
        BackupRefused, BackupUnavailable: the store cannot be used, or not now.
        AuditUnavailable: the audit database does not answer.
        LakeRefused, LakeUnavailable: RAW lies in a bucket that cannot be listed.
        ResourcesExhausted: a disk is full.
    """
    engine = audit_engine(settings)
    with _only_backup(settings), TemporaryDirectory(prefix="aljibe-backup-") as folder:
        # Not in the home: a full disk is a day on which a backup is wanted.
        scratch = Path(folder)
        started = datetime.now(UTC)
        ledger = scratch / "ledger.db"
        take_snapshot(engine, ledger)
        migrate_snapshot(ledger)
        before = _last_files(store, scratch)
        sending = _Sending(store, store.sizes_of_objects())
        listed = scratch / "files.gz"
        totals = _Totals()
        found = [] if settings.raw_url else _found_files(settings, ledger)
        if settings.raw_url:
            _look_at_objects(sending, ObjectFolder(settings.raw_url), ledger)
        write_files(totals.counted(_send_all(sending, found, before)), listed)
        hashes = hash_of(ledger), hash_of(listed)
        for file, sha256 in zip((ledger, listed), hashes, strict=True):
            sending.send(file, sha256)
        header = BackupHeader(
            backup_id=_free_id(store, started),
            started_at=started,
            ended_at=datetime.now(UTC),
            ledger=hashes[0],
            ledger_revision=revision_of(ledger),
            files=hashes[1],
            file_count=totals.files,
            total_bytes=totals.bytes + ledger.stat().st_size,
            missing=tuple(sorted(sending.missing)),
            changed=tuple(sorted(sending.changed)),
            raw_url=settings.raw_url,
        )
        write_header(store, header, scratch)
    return BackupOutcome(header, sending.sent, sending.sent_bytes)


@dataclass
class _Totals:
    files: int = 0
    bytes: int = 0

    def counted(self, files: Iterable[StoredFile]) -> Iterator[StoredFile]:
        for file in files:
            self.files += 1
            self.bytes += file.size
            yield file


def _found_files(settings: Settings, ledger: Path) -> list[tuple[str, Path]]:
    """Paths in the backup and on this machine: all that is kept of refusals, then all of RAW."""
    kept = [
        (f"quarantine/{path.relative_to(settings.quarantine).as_posix()}", path)
        for path in sorted(settings.quarantine.rglob("*"))
        if path.is_file() and path.suffix != TEMPORARY
    ]
    return kept + [(f"raw/{path}", settings.raw / path) for path, _ in paths_in(ledger)]


def _look_at_objects(sending: _Sending, objects: ObjectFolder, ledger: Path) -> None:
    """Compare what the ledger names with the bucket, which keeps its objects itself."""
    there = objects.listing()
    for path, size in paths_in(ledger):
        if path not in there:
            sending.missing.append(f"raw/{path}")
        elif there[path].size != size:
            sending.changed.append(f"raw/{path}")


def _send_all(
    sending: _Sending, found: list[tuple[str, Path]], before: dict[str, StoredFile]
) -> Iterator[StoredFile]:
    def _send(one: tuple[str, Path]) -> StoredFile | None:
        return _send_one(sending, *one, before)

    for _, file in for_each(found, _send, step="backup", total=len(found)):
        if file:
            yield file


def _send_one(
    sending: _Sending, path: str, file: Path, before: dict[str, StoredFile]
) -> StoredFile | None:
    last = before.get(path)
    for place in (file, temporary_path(file), file):
        # A load between its commit and its rename, or dead there: whole under its temporary name.
        try:
            status = place.stat()
            if last and (last.size, last.mtime_ns) == (status.st_size, status.st_mtime_ns):
                sha256 = last.sha256
            else:
                sha256 = hash_of(place)
            sending.send(place, sha256)
            if last and last.sha256 != sha256 and last.area == "raw":
                sending.changed.append(path)
        except FileNotFoundError:
            continue
        return StoredFile(
            path=path, size=status.st_size, mtime_ns=status.st_mtime_ns, sha256=sha256
        )
    if path.startswith("quarantine/"):
        # Its retention ended while files were sent.
        return None
    if last and sending.stored.get(last.sha256) == last.size:
        return last
    sending.missing.append(path)
    return None


def _last_files(store: BackupStore, scratch: Path) -> dict[str, StoredFile]:
    """What the newest backup holds, by path: unchanged files need not be read again."""
    if not backup_ids(store):
        return {}
    try:
        return {file.path: file for file in read_files(store, read_header(store), scratch)}
    except BackupDamaged:
        # A whole new backup is what helps then; all files are hashed once more.
        return {}


def _free_id(store: BackupStore, moment: datetime) -> str:
    """Named for its start; a second one in the same second takes a number."""
    known = set(backup_ids(store))
    first = moment.strftime("%Y%m%dT%H%M%SZ")
    number, name = 1, first
    while name in known:
        number += 1
        name = f"{first}-{number}"
    return name


@contextmanager
def _only_backup(settings: Settings) -> Iterator[None]:
    file = settings.lock_file(BACKUP_LOCK)
    lock = shared_lock(settings, BACKUP_LOCK, file, "aljibe backup", timeout=0)
    try:
        with lock:
            yield
    except LockWaitTooLong as error:
        raise LockWaitTooLong(f"Another backup of this home runs: {error}") from None
