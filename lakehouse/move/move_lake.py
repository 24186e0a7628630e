"""Move an embedded lake to a bucket and a PostgreSQL audit database: files first, the ledger last.

The ledger is what makes it happen: until it is there, in one transaction, the target is empty for
every reader, and the same command goes on. The source is only read.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, Row, Select, Table, func, select

from lakehouse.backup.ledger_snapshot import (
    COPIED,
    is_empty,
    migrate_snapshot,
    paths_in,
    restore_snapshot,
    sqlite_url,
    take_snapshot,
)
from lakehouse.backup.take_backup import BACKUP_LOCK
from lakehouse.errors import LakeDamaged, LockWaitTooLong, MoveRefused
from lakehouse.lake.audit_database import audit_engine, migrated_engine
from lakehouse.lake.audit_schema import batches, deliveries
from lakehouse.lake.file_lock import Holder
from lakehouse.lake.object_folder import ObjectFolder
from lakehouse.lake.partition_layout import TEMPORARY
from lakehouse.lake.quarantine_place import BUCKET_FOLDER
from lakehouse.lake.raw_lake import RawLake, table_lock
from lakehouse.lake.session_lock import SessionLock
from lakehouse.lake.shared_locks import DomainLock, Lock, shared_lock
from lakehouse.move.moved_files import MovedFiles
from lakehouse.settings import Settings
from lakehouse.source_catalog import known_domains

_ROWS_AT_ONCE = 1_000
_SAID = "aljibe move-lake"


@dataclass(frozen=True)
class MoveOutcome:
    """What a move did.

    Attributes:
        files: of RAW and quarantine that are in the bucket, each compared by its hash; of a lake
            that was moved before those of RAW, by their size.
        bytes: of these.
        sent: files of them that were sent now.
        rows: of the ledger, by table, the same in both databases.
        done_before: the target had the ledger already; nothing was moved.
    """

    files: int
    bytes: int
    sent: int
    rows: dict[str, int]
    done_before: bool


def move_lake(settings: Settings, target: Settings) -> MoveOutcome:
    """Bring RAW, quarantine and the audit database to where `target` says.

    Args:
        settings: of the lake as it is: RAW in a folder, the audit database SQLite.
        target: with `raw_url` and a PostgreSQL `audit_url`.

    Raises:
        MoveRefused: source or target are of another kind, a run is going on, or the target holds
            another lake.
        LakeDamaged: a file is not there, or did not arrive as it is.
        LakeRefused, LakeUnavailable, AuditRefused, AuditUnavailable: the target cannot be used.
    """
    if settings.raw_url or settings.is_shared:
        raise MoveRefused(
            "The lake that is moved lies in a folder and its audit database is SQLite: unset "
            "ALJIBE_RAW_URL and ALJIBE_AUDIT_URL, which say where it is, not where it goes."
        )
    if not target.raw_url or not target.is_shared:
        raise MoveRefused("A lake is moved to an s3:// URL and a PostgreSQL audit database.")
    source, there = audit_engine(settings), migrated_engine(_url(target))
    try:
        with (
            _nobody_writes(settings, source),
            _only_move(there),
            TemporaryDirectory(prefix="aljibe-move-") as folder,
        ):
            return _move(settings, target.raw_url, source, there, Path(folder) / "ledger.db")
    finally:
        there.dispose()


def _move(settings: Settings, url: str, source: Engine, there: Engine, ledger: Path) -> MoveOutcome:
    take_snapshot(source, ledger)
    migrate_snapshot(ledger)
    copy = migrated_engine(sqlite_url(ledger))
    try:
        done_before = not is_empty(there)
        if done_before:
            # Runs may have gone on there: nothing of it is touched.
            _refuse_another_lake(copy, there, url)
            files, size = _look_at_objects(url, ledger)
            return MoveOutcome(files, size, 0, _counts(copy), done_before=True)
        files, size, sent = _bring_files(settings, url, ledger)
        restore_snapshot(ledger, there)
        _compare(copy, there)
        return MoveOutcome(files, size, sent, _counts(copy), done_before=False)
    finally:
        copy.dispose()


def _bring_files(settings: Settings, url: str, ledger: Path) -> tuple[int, int, int]:
    root = settings.quarantine
    kept = [
        (f"{BUCKET_FOLDER}/{path.relative_to(root).as_posix()}", path)
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != TEMPORARY
    ]
    raw = [(path, settings.raw / path) for path, _ in paths_in(ledger)]
    objects = ObjectFolder(url)
    mark = hashlib.sha256(objects.url.encode()).hexdigest()[:16]
    moving = MovedFiles(objects, settings.root / "moves" / f"{mark}.jsonl")
    files = size = sent = 0
    for moved, is_new in moving.bring([*raw, *kept]):
        files, size, sent = files + 1, size + moved.size, sent + is_new
    return files, size, sent


def _refuse_another_lake(source: Engine, there: Engine, url: str) -> None:
    """A target with a ledger is either this lake, moved before, or another one."""
    for table in (batches, deliveries):
        (key,) = table.primary_key.columns
        for part in _parts(source, select(table)):
            wanted = {tuple(row) for row in part}
            keys = [row._mapping[key.name] for row in part]
            for found in _parts(there, select(table).where(key.in_(keys))):
                wanted.difference_update(map(tuple, found))
            if wanted:
                raise MoveRefused(
                    f"The target's audit database is not empty, and lacks rows of {table.name} "
                    "that are here: it is of another lake, or this one went on after it was "
                    f"moved. Take an empty database and prefix, or go on with {url}."
                )


def _look_at_objects(url: str, ledger: Path) -> tuple[int, int]:
    """Make sure that a lake that was moved before is there; files of RAW, and their bytes."""
    there, named = ObjectFolder(url).listing(), paths_in(ledger)
    for path, size in named:
        if path not in there or there[path].size != size:
            raise LakeDamaged(
                f"{url}/{path} is not there, or not whole, though its ledger is: the URL is not "
                "that of the move before, or the object was removed."
            )
    return len(named), sum(size for _, size in named)


def _compare(source: Engine, there: Engine) -> None:
    """Compare every table of both databases, all rows of them."""
    for table in COPIED:
        here, moved = _digest(source, table), _digest(there, table)
        if here != moved:
            raise LakeDamaged(
                f"The table {table.name} has {moved[0]} rows in the target and {here[0]} here, or "
                "others. Empty the target's audit database and run again."
            )


def _counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in COPIED
        }


def _digest(engine: Engine, table: Table) -> tuple[int, int]:
    """Rows of a table, and a sum of their hashes: databases do not agree on the order of text."""
    count = total = 0
    for part in _parts(engine, select(table)):
        for row in part:
            count += 1
            total += int.from_bytes(hashlib.sha256(repr(tuple(row)).encode()).digest(), "big")
    return count, total


def _parts(engine: Engine, query: Select[Any]) -> Iterator[Sequence[Row[Any]]]:
    reader = engine.execution_options(sqlite_begin="DEFERRED", yield_per=_ROWS_AT_ONCE)
    with reader.connect() as connection:
        yield from connection.execute(query).partitions(_ROWS_AT_ONCE)


@contextmanager
def _nobody_writes(settings: Settings, engine: Engine) -> Iterator[None]:
    """Hold every lock of the source: what is written meanwhile would not be in the target."""
    with engine.connect() as connection:
        query = select(deliveries.c.source_name, deliveries.c.table_name).distinct()
        loaded = [(str(source), str(table)) for source, table in connection.execute(query)]
    locks: list[Lock] = [
        DomainLock(settings, domain, _SAID, timeout=0)
        for domain in known_domains(settings.project_dir)
    ]
    locks += [table_lock(settings, source, table, _SAID, timeout=0) for source, table in loaded]
    file = settings.lock_file(BACKUP_LOCK)
    locks.append(shared_lock(settings, BACKUP_LOCK, file, _SAID, timeout=0))
    lake = RawLake.of(settings)
    with ExitStack() as held:
        for lock in locks:
            try:
                held.enter_context(lock)
            except LockWaitTooLong as error:
                raise MoveRefused(
                    f"{settings.root} is in use: {error} Stop worker and watcher first."
                ) from None
        for source, table in loaded:
            lake.recover(source, table)
        yield


@contextmanager
def _only_move(there: Engine) -> Iterator[None]:
    lock = SessionLock(there, _SAID, Holder.of_this_process(_SAID), timeout=0)
    try:
        with lock:
            yield
    except LockWaitTooLong as error:
        raise MoveRefused(f"Another move to the same target runs: {error}") from None


def _url(target: Settings) -> str:
    return target.audit_database_url.get_secret_value()
