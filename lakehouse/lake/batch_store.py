"""Where the batches of RAW lie, and how one appears there: whole, and only once it is committed.

Two kinds: a folder, where a committed file gets its name by a rename, and a bucket, where readers
take the names from the ledger.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from lakehouse.lake.ledger import Batch


class UnseenBatch(Protocol):
    """A batch that is being written; no reader sees it yet."""

    @property
    def path(self) -> Path:
        """File of this machine that it is written to."""

    def send(self) -> None:
        """Before the commit: bring it to where a death after the commit would find it."""

    def show(self) -> None:
        """After the commit: let readers see it."""

    def discard(self) -> None:
        """It will not be committed."""


@dataclass(frozen=True)
class Scan:
    """The files of a table as DuckDB's `read_parquet` takes them.

    Attributes:
        files: SQL of its first argument.
        alike: all have the same columns and types, so that one of them tells for all.
        remote: they are read over a network, whose faults pass.
    """

    files: str
    alike: bool = False
    remote: bool = False

    def sql(self, *more: str) -> str:
        """The call, with further arguments."""
        union = [] if self.alike else ["union_by_name = true"]
        arguments = ", ".join([self.files, *union, "hive_partitioning = false", *more])
        return f"read_parquet({arguments})"


class BatchStore(Protocol):
    """Reads and writes of the files of batches; the caller of a write holds the table's lock."""

    def unseen(self, path: PurePosixPath, *, again: bool) -> UnseenBatch:
        """Begin a batch.

        Args:
            path: where it will lie, relative to the root.
            again: the ledger has it, and its file was lost.
        """

    def holds(self, path: str) -> bool:
        """Whether the file of a batch is there."""

    def missing(self, source: str, table: str, batches: Iterable[Batch]) -> list[Batch]:
        """Those of a table's batches whose files are not there."""

    def unknown_file(self, source: str, table: str, batch_id: str) -> PurePosixPath | None:
        """A visible file of a batch that the ledger does not know, relative to the root."""

    def recover(self, source: str, table: str, batches: Callable[[], Iterable[Batch]]) -> list[str]:
        """Finish or undo what a dead writer left, where readers would miss or meet it.

        Args:
            source: of the table.
            table: whose lock the caller holds.
            batches: gives those that the ledger knows.

        Returns:
            What was done, in words.
        """

    def needs_recovery(self) -> bool:
        """Whether a death can leave something that `recover` has to see to before a read."""

    def scan(self, source: str, table: str, batches: Callable[[], Sequence[Batch]]) -> Scan | None:
        """The files that readers see; None if there are none."""
