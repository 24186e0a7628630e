"""Bring a backup into a home: its files first, the ledger last.

The ledger is what makes it happen. A restore that was killed leaves files that no ledger names and
the note `restore.json`, by which the next one goes on.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from lakehouse.backup.backup_manifest import BackupHeader, StoredFile, read_files, read_header
from lakehouse.backup.backup_store import BackupStore, hash_of
from lakehouse.backup.ledger_snapshot import (
    is_empty,
    migrate_snapshot,
    paths_in,
    put_in_place,
    restore_snapshot,
    sqlite_url,
    take_snapshot,
)
from lakehouse.backup.many_files import for_each
from lakehouse.backup.take_backup import BACKUP_LOCK
from lakehouse.errors import (
    BackupDamaged,
    LockWaitTooLong,
    RestoreRefused,
    WarehouseUnusable,
)
from lakehouse.lake.audit_database import audit_engine, migrated_engine, release_audit_engine
from lakehouse.lake.durable_files import make_folder, publish_file
from lakehouse.lake.shared_locks import DomainLock, Lock, shared_lock
from lakehouse.lake.warehouse import Warehouse, set_aside, warehouse_of
from lakehouse.settings import Settings
from lakehouse.source_catalog import known_domains
from lakehouse.transform.build_history import BuildHistory, BuildRecord
from lakehouse.transform.warehouse_mark import marked_build

_NOTE = "restore.json"
# Not `.tmp`: a run that recovers takes such a file of a batch it knows for a whole one.
_PART = ".restoring"


@dataclass(frozen=True)
class RestoreOutcome:
    """What was brought.

    Attributes:
        fetched: files that were not there, or not whole.
        kept: files that were there already, with the right content.
        set_aside: folder with what an earlier ledger had made, if there was one.
    """

    header: BackupHeader
    fetched: int
    kept: int
    set_aside: Path | None


def restore_backup(
    settings: Settings,
    store: BackupStore,
    backup_id: str | None = None,
    *,
    overwrite: bool = False,
) -> RestoreOutcome:
    """Restore audit database, RAW lake and quarantine, each file checked.

    Args:
        settings: of the home, whose folders and audit database may be others than before.
        store: where the backup lies.
        backup_id: which one; default the newest.
        overwrite: also into a home that holds something. Its ledger is set aside, and so are
            warehouses that another build made than the newest of the backup. Files in RAW that
            the backup does not name stay, and count no more; serving copies stay until the next
            run publishes.

    Raises:
        RestoreRefused: the home holds something, or a run is going on.
        BackupRefused, BackupDamaged, BackupUnavailable: the backup cannot be used.
        ResourcesExhausted: the disk is full.
    """
    header = read_header(store, backup_id)
    _refuse_other_place(settings, header)
    with _nobody_else(settings), _working_folder(settings) as scratch:
        _refuse_unless_empty(settings, overwrite=overwrite)
        _note(settings, header, overwrite=overwrite)
        ledger = scratch / "audit.db"
        store.fetch(header.ledger, ledger)
        migrate_snapshot(ledger)
        fetched = kept = 0
        named = [] if header.raw_url else paths_in(ledger)
        unlisted = {f"raw/{path}" for path, _ in named} - set(header.missing)
        files = read_files(store, header, scratch)

        def _bring_one(file: StoredFile) -> bool:
            return _bring(settings, store, file)

        brought = for_each(files, _bring_one, step="restore", total=header.file_count)
        for file, is_new in brought:
            unlisted.discard(file.path)
            fetched, kept = fetched + is_new, kept + (not is_new)
        if unlisted:
            raise BackupDamaged(
                f"{store.shown}: the ledger of backup {header.backup_id} names {len(unlisted)} "
                f"files that the backup does not list, such as {min(unlisted)}."
            )
        aside = _set_aside(settings, scratch, ledger) if overwrite else None
        _restore_ledger(settings, ledger)
        (settings.root / _NOTE).unlink()
    return RestoreOutcome(header, fetched, kept, aside)


def restore_missing(settings: Settings, store: BackupStore) -> tuple[list[str], list[str]]:
    """Bring files that the ledger of this home names and RAW lacks; nothing else is touched.

    Returns:
        Paths below RAW that were brought, and those that the newest backup does not hold either.

    Raises:
        BackupRefused, BackupDamaged, BackupUnavailable: the backup cannot be used.
        RestoreRefused: RAW lies in a bucket, of which no backup holds files.
    """
    if settings.raw_url:
        raise RestoreRefused(
            f"RAW lies in {settings.raw_url}, of which no backup holds files. Bring lost objects "
            "back by the bucket's own versions, or deliver their files again."
        )
    with _working_folder(settings) as scratch:
        ledger = scratch / "audit.db"
        take_snapshot(audit_engine(settings), ledger)
        migrate_snapshot(ledger)
        lacking = {path for path, _ in paths_in(ledger) if not (settings.raw / path).is_file()}
        brought = []
        for file in read_files(store, read_header(store), scratch):
            if file.area == "raw" and str(file.inside) in lacking:
                _bring(settings, store, file)
                brought.append(str(file.inside))
    return sorted(brought), sorted(lacking - set(brought))


def _bring(settings: Settings, store: BackupStore, file: StoredFile) -> bool:
    """Bring one file; returns whether it was not there yet."""
    root = settings.raw if file.area == "raw" else settings.quarantine
    final = root / file.inside
    if final.is_file() and final.stat().st_size == file.size and hash_of(final) == file.sha256:
        return False
    make_folder(final.parent)
    part = final.with_name(final.name + _PART)
    store.fetch(file.sha256, part)
    publish_file(part, final)
    return True


def _refuse_other_place(settings: Settings, header: BackupHeader) -> None:
    if settings.raw_url == header.raw_url:
        return
    if header.raw_url:
        raise RestoreRefused(
            f"Backup {header.backup_id} holds the ledger of RAW in {header.raw_url}, where it "
            f"stayed. Set ALJIBE_RAW_URL={header.raw_url}."
        )
    raise RestoreRefused(
        f"Backup {header.backup_id} holds a lake in a folder. Restore it without ALJIBE_RAW_URL, "
        "then move it with aljibe move-lake."
    )


def _refuse_unless_empty(settings: Settings, *, overwrite: bool) -> None:
    if overwrite:
        return
    note = settings.root / _NOTE
    begun = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else None
    if begun and begun["overwrite"]:
        raise RestoreRefused(
            f"A restore with --overwrite began in {settings.root} and did not end. Finish it with "
            "--overwrite."
        )
    holds = None
    if not is_empty(audit_engine(settings)):
        # The ledger comes last: with a note beside it, only the note was left to remove.
        note.unlink(missing_ok=True)
        holds = "its audit database knows of deliveries or builds"
    elif not begun and any(settings.raw.rglob("*.parquet")):
        holds = f"{settings.raw} holds files"
    if holds:
        raise RestoreRefused(
            f"{settings.root} is not empty: {holds}. Restore into an empty home (ALJIBE_HOME), or "
            "say --overwrite, which sets its ledger and warehouses aside."
        )


def _note(settings: Settings, header: BackupHeader, *, overwrite: bool) -> None:
    note = settings.root / f"{_NOTE}{_PART}"
    said = {"backup_id": header.backup_id, "overwrite": overwrite}
    note.write_text(json.dumps(said), encoding="utf-8")
    publish_file(note, settings.root / _NOTE)


def _restore_ledger(settings: Settings, ledger: Path) -> None:
    engine = audit_engine(settings)
    if engine.dialect.name == "sqlite":
        database = Path(str(engine.url.database))
        release_audit_engine(settings)
        copy = database.with_name(f"{database.name}{_PART}")
        shutil.copyfile(ledger, copy)
        put_in_place(copy, database)
    else:
        restore_snapshot(ledger, engine)


def _set_aside(settings: Settings, scratch: Path, ledger: Path) -> Path:
    """Keep what the ledger of before had made: it says nothing about the one that comes."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = settings.root / f"before-restore-{moment}"
    make_folder(folder)
    copy = scratch / "before.db"
    take_snapshot(audit_engine(settings), copy)
    shutil.move(copy, folder / "audit.db")
    domains = known_domains(settings.project_dir)
    engine = migrated_engine(sqlite_url(ledger))
    try:
        newest = {domain: BuildHistory(engine).last(domain) for domain in domains}
    finally:
        engine.dispose()
    for domain in domains:
        warehouse = warehouse_of(settings, domain)
        if not _is_of_build(warehouse, newest[domain]):
            set_aside(warehouse, folder / "warehouse")
    return folder


def _is_of_build(warehouse: Warehouse, build: BuildRecord | None) -> bool:
    """Whether a warehouse is as the newest build of the restored ledger left it."""
    try:
        return build is not None and marked_build(warehouse) == build.build_id
    except (WarehouseUnusable, duckdb.Error):
        return False


@contextmanager
def _nobody_else(settings: Settings) -> Iterator[None]:
    """Hold the lock of every domain: a run would write a ledger that goes."""
    domains = known_domains(settings.project_dir)
    said = "aljibe restore"
    locks: list[Lock] = [DomainLock(settings, name, said, timeout=0) for name in domains]
    file = settings.lock_file(BACKUP_LOCK)
    locks.append(shared_lock(settings, BACKUP_LOCK, file, said, timeout=0))
    with ExitStack() as held:
        for lock in locks:
            try:
                held.enter_context(lock)
            except LockWaitTooLong as error:
                raise RestoreRefused(
                    f"{settings.root} is in use: {error} Stop worker and watcher first."
                ) from None
        yield


@contextmanager
def _working_folder(settings: Settings) -> Iterator[Path]:
    folder = settings.scratch / "aljibe-restore"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
