"""Batches in a folder: written beside their place, and renamed once they are committed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lakehouse.lake.batch_store import Scan
from lakehouse.lake.durable_files import make_folder, publish_file
from lakehouse.lake.ledger import Batch
from lakehouse.lake.partition_layout import TEMPORARY, table_folder, table_glob, temporary_path
from lakehouse.sql_quoting import sql_string


@dataclass(frozen=True)
class TemporaryFile:
    """A batch under its temporary name, in the folder that it will stay in."""

    path: Path
    final: Path

    def send(self) -> None:
        """It is there already."""

    def show(self) -> None:
        """Give it its name."""
        publish_file(self.path, self.final)

    def discard(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class FolderBatches:
    """The RAW lake in a folder of this machine; see `BatchStore`."""

    root: Path

    def file_of(self, batch: Batch) -> Path:
        """Where a batch lies."""
        return self.root / batch.path

    def unseen(self, path: PurePosixPath, *, again: bool) -> TemporaryFile:
        """Make the folder, and name the file."""
        final = self.root / path
        make_folder(final.parent)
        # A lost file is in the ledger: under its own temporary name a torn one would be completed.
        return TemporaryFile(temporary_path(final.with_suffix(".again") if again else final), final)

    def holds(self, path: str) -> bool:
        """Look."""
        return (self.root / path).is_file()

    def missing(self, source: str, table: str, batches: Iterable[Batch]) -> list[Batch]:  # noqa: ARG002
        """Look for each."""
        return [batch for batch in batches if not self.holds(batch.path)]

    def unknown_file(self, source: str, table: str, batch_id: str) -> PurePosixPath | None:
        """Find the file of a batch in any of the table's folders.

        An audit database that was lost or restored leaves such files; the same content loaded
        again has to take their place, or its rows would be read twice.
        """
        folder = table_folder(self.root, source, table)
        found = next(folder.glob(f"year=*/month=*/day=*/{batch_id}.parquet"), None)
        return PurePosixPath(found.relative_to(self.root)) if found else None

    def needs_recovery(self) -> bool:
        """A committed file may not have its name yet."""
        return True

    def recover(self, source: str, table: str, batches: Callable[[], Iterable[Batch]]) -> list[str]:
        """A temporary file whose batch is in the ledger gets its name; any other goes."""
        done: list[str] = []
        leftovers = sorted(table_folder(self.root, source, table).rglob(f"*{TEMPORARY}"))
        if not leftovers:
            return done
        committed = {temporary_path(self.file_of(batch)): batch for batch in batches()}
        for path in leftovers:
            batch = committed.get(path)
            if batch is None:
                path.unlink()
                done.append(f"removed {path.name}: its load was never committed")
            else:
                publish_file(path, self.file_of(batch))
                done.append(f"completed {batch.batch_id}: committed, but not yet visible")
        return done

    def scan(
        self,
        source: str,
        table: str,
        batches: Callable[[], Sequence[Batch]],  # noqa: ARG002
    ) -> Scan | None:
        """Every file below the table's folder: recovered, it holds what the ledger knows."""
        if not any(table_folder(self.root, source, table).rglob("*.parquet")):
            return None
        return Scan(sql_string(table_glob(self.root, source, table)))
