"""The RAW lake as a place: its folder, its ledger, and recovery after a death."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.durable_files import publish_file
from lakehouse.lake.file_lock import FileLock, Holder
from lakehouse.lake.ledger import Batch, Ledger
from lakehouse.lake.partition_layout import (
    TEMPORARY,
    table_folder,
    table_lock_file,
    temporary_path,
)
from lakehouse.settings import Settings
from lakehouse.source_catalog import Table

TABLE_LOCK_TIMEOUT = 3600.0


@dataclass(frozen=True)
class RawLake:
    """Folder and ledger, always used together."""

    settings: Settings
    ledger: Ledger

    @classmethod
    def of(cls, settings: Settings) -> "RawLake":
        """Open the lake that the settings describe."""
        return cls(settings, Ledger(audit_engine(settings)))

    @property
    def root(self) -> Path:
        """Folder with every source."""
        return self.settings.raw

    def file_of(self, batch: Batch) -> Path:
        """Where a batch lies."""
        return self.root / batch.path

    def holds(self, batch_id: str) -> bool:
        """Tell whether the ledger knows the batch and its file is there."""
        batch = self.ledger.batch(batch_id)
        return batch is not None and self.file_of(batch).is_file()

    def unknown_file(self, table: Table, batch_id: str) -> PurePosixPath | None:
        """Find the file of a batch that the ledger does not know, relative to the root.

        An audit database that was lost or restored leaves such files; the same content loaded
        again has to take their place, or its rows would be read twice.
        """
        folder = table_folder(self.root, table.source, table.name)
        found = next(folder.glob(f"year=*/month=*/day=*/{batch_id}.parquet"), None)
        return PurePosixPath(found.relative_to(self.root)) if found else None

    def writer_of(self, table: Table, run: str) -> FileLock:
        """The lock that makes this process the only writer of a table."""
        return FileLock(
            table_lock_file(self.root, table.source, table.name),
            Holder.of_this_process(run),
            timeout=TABLE_LOCK_TIMEOUT,
        )

    def recover(self, source: str, table: str) -> list[str]:
        """Finish or undo what a dead writer left; the caller holds the table's lock.

        A temporary file whose batch is in the ledger was committed: it gets its name. Any other
        was not, and goes.

        Returns:
            What was done, in words, for the log.
        """
        done: list[str] = []
        folder = table_folder(self.root, source, table)
        leftovers = sorted(folder.rglob(f"*{TEMPORARY}"))
        if not leftovers:
            return done
        committed = {
            temporary_path(self.file_of(batch)): batch
            for batch in self.ledger.batches_of(source, table)
        }
        for path in leftovers:
            batch = committed.get(path)
            if batch is None:
                path.unlink()
                done.append(f"removed {path.name}: its load was never committed")
            else:
                publish_file(path, self.file_of(batch))
                done.append(f"completed {batch.batch_id}: committed, but not yet visible")
        return done
