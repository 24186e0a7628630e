"""Read a whole backup and compare it with what it says of itself; no home is touched."""

from dataclasses import dataclass
from pathlib import Path

from lakehouse.backup.backup_manifest import BackupHeader, StoredFile, read_files, read_header
from lakehouse.backup.backup_store import BackupStore
from lakehouse.backup.ledger_snapshot import migrate_snapshot, paths_in
from lakehouse.backup.many_files import for_each
from lakehouse.errors import BackupDamaged


@dataclass(frozen=True)
class Verification:
    """What reading a backup showed.

    Attributes:
        files: how many were read.
        faults: what is damaged or missing, in words.
        missing: files that the ledger names and the backup never had.
    """

    header: BackupHeader
    files: int
    faults: tuple[str, ...]
    missing: tuple[str, ...]


def verify_backup(store: BackupStore, backup_id: str | None, scratch: Path) -> Verification:
    """Read every content of a backup, and check that it holds all that its ledger names.

    Args:
        store: where the backup lies.
        backup_id: which one; default the newest.
        scratch: existing folder for the ledger.

    Raises:
        BackupRefused: there is no such backup.
        BackupDamaged: ledger or list of files cannot be read at all.
        BackupUnavailable: the store does not answer.
    """
    header = read_header(store, backup_id)
    ledger = scratch / "ledger.db"
    store.fetch(header.ledger, ledger)
    migrate_snapshot(ledger)
    named = set() if header.raw_url else {f"raw/{path}" for path, _ in paths_in(ledger)}

    def _fault_of(file: StoredFile) -> str | None:
        try:
            size = store.fetch(file.sha256, None)
        except BackupDamaged as error:
            return str(error)
        return None if size == file.size else f"has {size} bytes, not {file.size}"

    faults: list[str] = []
    files = 0
    listed = read_files(store, header, scratch)
    for file, fault in for_each(listed, _fault_of, step="verify", total=header.file_count):
        files += 1
        named.discard(file.path)
        if fault:
            faults.append(f"{file.path}: {fault}")
    unlisted = sorted(named - set(header.missing))
    faults += [f"{path}: the ledger names it, the list of files does not" for path in unlisted]
    if files != header.file_count:
        faults.append(f"{files} files are listed, {header.file_count} were backed up")
    return Verification(header, files, tuple(faults), header.missing)
