"""The RAW lake as a place: its batches, its ledger, and recovery after a death."""

from collections.abc import Collection
from dataclasses import dataclass

from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.batch_store import BatchStore
from lakehouse.lake.folder_batches import FolderBatches
from lakehouse.lake.ledger import Ledger
from lakehouse.lake.object_batches import ObjectBatches
from lakehouse.lake.object_folder import ObjectFolder
from lakehouse.lake.partition_layout import table_lock_file
from lakehouse.lake.quarantine_place import (
    BUCKET_FOLDER,
    BucketQuarantine,
    FolderQuarantine,
    QuarantinePlace,
)
from lakehouse.lake.shared_locks import Lock, shared_lock
from lakehouse.settings import Settings
from lakehouse.source_catalog import Table

TABLE_LOCK_TIMEOUT = 3600.0


@dataclass(frozen=True)
class RawLake:
    """Batches, ledger and what was refused, always used together."""

    settings: Settings
    ledger: Ledger
    store: BatchStore
    quarantine: QuarantinePlace

    @classmethod
    def of(cls, settings: Settings) -> "RawLake":
        """Open the lake that the settings describe."""
        ledger = Ledger(audit_engine(settings))
        return cls(settings, ledger, batch_store(settings), quarantine_place(settings))

    def holds(self, batch_id: str) -> bool:
        """Tell whether the ledger knows the batch and its file is there."""
        batch = self.ledger.batch(batch_id)
        return batch is not None and self.store.holds(batch.path)

    def lost(self, table: Table, batch_ids: Collection[str]) -> set[str]:
        """Those of a table's batches that the ledger does not know, or whose files are gone."""
        if not batch_ids:
            return set()
        known = self.ledger.batches_of(table.source, table.name)
        asked = [batch for batch in known if batch.batch_id in batch_ids]
        gone = {batch.batch_id for batch in self.store.missing(table.source, table.name, asked)}
        return gone | (set(batch_ids) - {batch.batch_id for batch in asked})

    def writer_of(self, table: Table, run: str, *, timeout: float = TABLE_LOCK_TIMEOUT) -> Lock:
        """The lock that makes this process the only writer of a table."""
        return table_lock(self.settings, table.source, table.name, run, timeout=timeout)

    def recover(self, source: str, table: str) -> list[str]:
        """Finish or undo what a dead writer left; the caller holds the table's lock.

        Returns:
            What was done, in words, for the log.
        """
        return self.store.recover(source, table, lambda: self.ledger.batches_of(source, table))


def batch_store(settings: Settings) -> BatchStore:
    """Where the settings say that batches lie."""
    if settings.raw_url:
        return ObjectBatches(ObjectFolder(settings.raw_url), settings.scratch)
    return FolderBatches(settings.raw)


def quarantine_place(settings: Settings) -> QuarantinePlace:
    """Where the settings say that refused files and rows are kept."""
    if settings.raw_url:
        objects = ObjectFolder(f"{settings.raw_url}/{BUCKET_FOLDER}")
        return BucketQuarantine(objects, settings.scratch)
    return FolderQuarantine(settings.quarantine)


def table_lock(
    settings: Settings, source: str, table: str, run: str, *, timeout: float = TABLE_LOCK_TIMEOUT
) -> Lock:
    """The lock of a table's only writer, by name: see `RawLake.writer_of`."""
    file = table_lock_file(settings.raw, source, table)
    return shared_lock(settings, f"table {source}.{table}", file, run, timeout=timeout)
