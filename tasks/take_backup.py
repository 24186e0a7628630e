"""Back up ledger and RAW under Prefect: tried again where the store does not answer."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from lakehouse.backup.backup_store import BackupStore
from lakehouse.backup.prune_backups import prune_backups
from lakehouse.backup.take_backup import take_backup
from lakehouse.backup.verify_backup import verify_backup
from lakehouse.errors import BackupRefused
from lakehouse.settings import Settings, load_settings
from tasks.policies import transient_retries

_MOST_NAMED = 5


@task(name="take-backup", cache_policy=NO_CACHE, **transient_retries)
def back_up(target: str | None) -> dict[str, Any]:
    """Back up, and let all but the newest `ALJIBE_BACKUP_KEEP` backups go.

    Returns:
        `summary`, and `warnings` about files that nobody has any more.

    Raises:
        BackupRefused: no place is named, or it cannot be used.
        BackupUnavailable: the place does not answer.
    """
    settings = load_settings()
    store = _store(target, settings)
    outcome = take_backup(settings, store)
    old, _ = prune_backups(store, settings.backup_keep)
    header = outcome.header
    warnings = [
        f"the ledger names {path}, which is neither in RAW nor in an older backup"
        for path in header.missing[:_MOST_NAMED]
    ]
    if len(header.missing) > _MOST_NAMED:
        warnings.append(f"and {len(header.missing) - _MOST_NAMED} more")
    warnings += [
        f"{path} is not what it was in the backup before: loaded again, or damaged"
        for path in header.changed[:_MOST_NAMED]
    ]
    return {
        "summary": f"backup {header.backup_id} of {header.file_count} files, "
        f"{header.total_bytes / 2**20:.1f} MiB, of which {outcome.sent_bytes / 2**20:.1f} MiB "
        f"were sent; {old} older ones removed",
        "warnings": warnings,
    }


@task(name="verify-backup", cache_policy=NO_CACHE, **transient_retries)
def verify_newest(target: str | None) -> list[str]:
    """Read the newest backup whole; returns what is damaged, in words."""
    settings = load_settings()
    with TemporaryDirectory(prefix="aljibe-verify-") as folder:
        return list(verify_backup(_store(target, settings), None, Path(folder)).faults)


def _store(target: str | None, settings: Settings) -> BackupStore:
    url = target or (settings.backup_url.get_secret_value() if settings.backup_url else None)
    if not url:
        raise BackupRefused(
            "No place of backups is named: set ALJIBE_BACKUP_URL, or the parameter target."
        )
    return BackupStore(url)
