"""Load tables of a database into the RAW lake: all as they were at one moment.

Every table is read before the first one is loaded: a connection that is lost leaves no table
newer than another.
"""

import json
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from sqlalchemy import URL

from lakehouse.connectors.database.read_tables import StagedTable, read_tables
from lakehouse.connectors.folder import FoundFile
from lakehouse.formats.staged_file import StagedFile
from lakehouse.lake.arrival import Arrival
from lakehouse.lake.duckdb_session import resources_suffice
from lakehouse.lake.durable_files import make_folder, publish_file, sync
from lakehouse.lake.load_delivery import load_delivery
from lakehouse.lake.raw_lake import TABLE_LOCK_TIMEOUT, RawLake
from lakehouse.lake.shared_locks import shared_lock
from lakehouse.progress import Progress
from lakehouse.source_catalog import Table
from lakehouse.table_load import TableLoad

# No name of a source begins with a point, so no table's own scratch lies here.
SCRATCH = ".databases"


@dataclass(frozen=True)
class RowsContent:
    """Rows of a table that were read already, as `load_delivery` takes them."""

    staged: StagedTable

    def assert_unchanged(self) -> None:
        """Nothing changes what a snapshot gave."""

    def stage(self, scratch: Path) -> Sequence[StagedFile]:  # noqa: ARG002
        """The parts as they were read."""
        return self.staged.parts

    def keep(self, kept: Path, reason: str) -> None:
        """Keep why it was refused; the rows are still where they came from."""
        make_folder(kept)
        said = {
            "relation": self.staged.relation,
            "rows": self.staged.rows,
            "sha256": self.staged.sha256,
            "reason": reason,
        }
        note = kept / "reason.json.tmp"
        note.write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")
        sync(note)
        publish_file(note, kept / "reason.json")


def load_tables(
    url: URL,
    tables: Sequence[Table],
    lake: RawLake,
    run_id: str | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> list[TableLoad]:
    """Load tables of one source.

    Args:
        url: of its database, with its secrets.
        tables: which; of the same source.
        lake: where they go.
        run_id: flow run that is told to the ledger.
        on_progress: told the rows read so far; the last time of a table `done` is `total`.

    Returns:
        What became of each table, in their order.

    Raises:
        RelationMissing, SchemaChanged, DatabaseRefused: somebody has to change something.
        DatabaseUnavailable: the database cannot be read now; nothing was loaded.
        ResourcesExhausted: disk or memory did not suffice.
        LockWaitTooLong: another run reads the same source.
    """
    source = tables[0].source
    with _scratch(lake, source, run_id) as scratch:
        started_at = datetime.now(UTC)
        # Under the lock: a run that was waited for may have moved them.
        cursors = {
            table.name: lake.ledger.cursor(table)
            for table in tables
            if table.meta.load == "incremental"
        }
        with resources_suffice(f"{source}, reading its database"):
            staged = read_tables(url, tables, cursors, scratch, on_progress=on_progress)
        pa.default_memory_pool().release_unused()
        return [_load(table, started_at, lake, run_id) for table in staged]


def _load(
    staged: StagedTable, started_at: datetime, lake: RawLake, run_id: str | None
) -> TableLoad:
    table = staged.table
    notes = tuple(dict.fromkeys(note for part in staged.parts for note in part.warnings))
    if not staged.rows and table.meta.load == "incremental":
        return TableLoad(table.source, table.name, notes=notes)
    found = FoundFile(staged.relation, staged.bytes, 0)
    clock = time.monotonic() - staged.seconds
    arrival = Arrival.of(
        table, found, staged.sha256, started_at, clock, run_id, staged.cursor_value
    )
    delivery = load_delivery(arrival, RowsContent(staged), lake)
    for part in staged.parts:
        part.path.unlink(missing_ok=True)
    # What is known was said when it was loaded, except what concerns the reading.
    load = TableLoad(table.source, table.name, 1, notes=notes if delivery.status == "known" else ())
    return load.with_delivery(delivery)


@contextmanager
def _scratch(lake: RawLake, source: str, run_id: str | None) -> Iterator[Path]:
    """A folder for one reading of a source, which nobody else reads meanwhile."""
    place = lake.settings.scratch / SCRATCH / source
    lock = shared_lock(
        lake.settings,
        f"reading of {source}",
        place.with_name(f"{source}.lock"),
        run_id or "load",
        timeout=TABLE_LOCK_TIMEOUT,
    )
    with lock:
        # Under the lock: whatever lies here was left by a run that died.
        shutil.rmtree(place, ignore_errors=True)
        folder = place / uuid.uuid4().hex
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(place, ignore_errors=True)
