"""`aljibe backup` and `aljibe restore`: copies of ledger and RAW, and the way back."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from lakehouse.backup.backup_manifest import backup_ids, read_header
from lakehouse.backup.backup_store import BackupStore
from lakehouse.backup.prune_backups import prune_backups
from lakehouse.backup.restore_backup import restore_backup, restore_missing
from lakehouse.backup.take_backup import take_backup
from lakehouse.backup.verify_backup import verify_backup
from lakehouse.errors import BackupRefused
from lakehouse.progress import Progress, listen
from lakehouse.settings import Settings

_SAY_EVERY_SECONDS = 5.0
_MOST_NAMED = 10


def store_at(target: str | None, settings: Settings) -> BackupStore:
    """The place that a command names, or the one of the settings.

    Raises:
        BackupRefused: neither says one, or it cannot be opened.
    """
    url = target or (settings.backup_url.get_secret_value() if settings.backup_url else None)
    if not url:
        raise BackupRefused(
            "No place of backups is named: give a folder or URL, or set ALJIBE_BACKUP_URL."
        )
    return BackupStore(url)


def back_up(settings: Settings, target: str | None, keep: int | None) -> bool:
    """Back up and print what was done; returns whether nothing was missing."""
    store = store_at(target, settings)
    with told_progress():
        outcome = take_backup(settings, store)
        removed = prune_backups(store, keep) if keep else (0, 0)
    header = outcome.header
    print(
        f"Backup {header.backup_id} at {store.shown}: {header.file_count} files and the ledger, "
        f"{said_size(header.total_bytes)}; sent {outcome.sent}, {said_size(outcome.sent_bytes)}."
    )
    if keep:
        print(f"Removed {removed[0]} older backups and {removed[1]} contents only they named.")
    _say_some("changed in RAW since the backup before, which holds what it was", header.changed)
    return not (_say_missing(header.missing) or header.changed)


def list_backups(settings: Settings, source: str | None) -> None:
    """Print the backups at a place, the newest last."""
    store = store_at(source, settings)
    for backup_id in backup_ids(store):
        header = read_header(store, backup_id)
        missing = f", {len(header.missing)} missing" if header.missing else ""
        print(f"{backup_id}  {header.file_count} files, {said_size(header.total_bytes)}{missing}")


def verify(settings: Settings, source: str | None, backup_id: str | None) -> bool:
    """Read a whole backup; returns whether it could be restored as it is."""
    store = store_at(source, settings)
    with told_progress(), TemporaryDirectory(prefix="aljibe-verify-") as scratch:
        found = verify_backup(store, backup_id, Path(scratch))
    _say_some("damaged", found.faults)
    _say_missing(found.missing)
    whole = "is damaged" if found.faults else "is whole"
    print(f"Backup {found.header.backup_id} at {store.shown} {whole}: {found.files} files read.")
    return not found.faults


def restore(
    settings: Settings, source: str | None, backup_id: str | None, *, overwrite: bool
) -> bool:
    """Restore into the home and print what to do next; returns whether nothing was missing."""
    store = store_at(source, settings)
    with told_progress():
        outcome = restore_backup(settings, store, backup_id, overwrite=overwrite)
    print(
        f"Restored backup {outcome.header.backup_id} into {settings.root}: {outcome.fetched} files "
        f"fetched, {outcome.kept} were there."
    )
    if outcome.set_aside:
        print(f"What was there before lies in {outcome.set_aside}.")
    print("Warehouses and serving copies are made by the next run of each domain.")
    return not _say_missing(outcome.header.missing)


def fill_gaps(settings: Settings, source: str | None) -> bool:
    """Bring what RAW lacks; returns whether it lacks nothing now."""
    store = store_at(source, settings)
    with told_progress():
        brought, lacking = restore_missing(settings, store)
    print(f"{len(brought)} files brought back into {settings.raw}.")
    _say_some("in no backup", lacking)
    return not lacking


def _say_missing(missing: tuple[str, ...]) -> bool:
    _say_some("named by the ledger, but neither in RAW nor in an older backup", missing)
    return bool(missing)


def _say_some(what: str, lines: "tuple[str, ...] | list[str]") -> None:
    for line in lines[:_MOST_NAMED]:
        print(f"{what}: {line}", file=sys.stderr)
    if len(lines) > _MOST_NAMED:
        print(f"{what}: {len(lines) - _MOST_NAMED} more", file=sys.stderr)


def said_size(number: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"


@contextmanager
def told_progress() -> Iterator[None]:
    """Say on standard error every few seconds how far it is."""
    last = time.monotonic()

    def _say(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= _SAY_EVERY_SECONDS:
            last = time.monotonic()
            print(f"{progress.step}: {progress.text}", file=sys.stderr, flush=True)

    stop = listen(_say)
    try:
        yield
    finally:
        stop()
