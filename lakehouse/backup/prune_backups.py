"""Let old backups go: all but the newest, and the contents that none of those kept names."""

from pathlib import Path
from tempfile import TemporaryDirectory

from lakehouse.backup.backup_manifest import FOLDER, backup_ids, read_files, read_header
from lakehouse.backup.backup_store import BackupStore, object_name


def prune_backups(store: BackupStore, keep: int) -> tuple[int, int]:
    """Remove all backups but the newest, then the objects that no backup names.

    A death in the middle leaves objects that nobody names, which the next time removes.

    Args:
        store: where the backups lie; no other backup is being written there.
        keep: how many stay, at least 1.

    Returns:
        Backups and objects that were removed.

    Raises:
        BackupDamaged: a backup that stays cannot be read; then no object was removed.
    """
    if keep < 1:
        raise ValueError("keep must be at least 1")
    ids = backup_ids(store)
    old, kept = ids[:-keep], ids[-keep:]
    for backup_id in old:
        store.remove(f"{FOLDER}/{backup_id}.json")
    named: set[str] = set()
    with TemporaryDirectory(prefix="aljibe-prune-") as folder:
        for backup_id in kept:
            header = read_header(store, backup_id)
            named |= {header.ledger, header.files}
            named |= {file.sha256 for file in read_files(store, header, Path(folder))}
    unnamed = sorted(store.sizes_of_objects().keys() - named)
    for sha256 in unnamed:
        store.remove(object_name(sha256))
    return len(old), len(unnamed)
