"""A delivery on its way into the lake: what it is, and the ledger's rows about it."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from lakehouse.connectors.folder import FoundFile
from lakehouse.lake.batch_writer import WrittenBatch
from lakehouse.lake.ledger import Batch, Delivery
from lakehouse.source_catalog import Table


def batch_identity(table: Table, found: FoundFile, sha256: str) -> tuple[str, str]:
    """Derive (batch id, content key) from content, never from time or name.

    The content key says what was delivered; the batch id adds how it was read, so that a file
    read under a changed contract is a new batch of the same content.
    """
    content = json.dumps([table.source, table.name, sha256, sorted(found.captured.items())])
    content_key = hashlib.sha256(content.encode()).hexdigest()[:32]
    reading = f"{content_key}:{table.reading_hash}"
    return hashlib.sha256(reading.encode()).hexdigest()[:32], content_key


@dataclass(frozen=True)
class Arrival:
    """A delivery that is being loaded.

    Attributes:
        sha256: of the content.
        cursor_value: greatest value of the cursor column among its rows, as text.
        started_at: moment in UTC at which the load began.
        clock: the same in seconds of `time.monotonic`.
    """

    table: Table
    found: FoundFile
    sha256: str
    batch_id: str
    content_key: str
    started_at: datetime
    clock: float
    run_id: str | None
    cursor_value: str | None = None

    @classmethod
    def of(
        cls,
        table: Table,
        found: FoundFile,
        sha256: str,
        started_at: datetime,
        clock: float,
        run_id: str | None,
        cursor_value: str | None = None,
    ) -> "Arrival":
        """Identify a delivery by the content that was read."""
        batch_id, content_key = batch_identity(table, found, sha256)
        return cls(
            table,
            found,
            sha256,
            batch_id,
            content_key,
            started_at,
            clock,
            run_id,
            cursor_value,
        )

    def delivery(self, loaded: int, rejected: int) -> Delivery:
        """The ledger's row about this arrival, as a loaded one."""
        return Delivery(
            source_name=self.table.source,
            table_name=self.table.name,
            file_name=self.found.name,
            size=self.found.size,
            mtime_ns=self.found.mtime_ns,
            sha256=self.sha256,
            reading_hash=self.table.reading_hash,
            status="loaded",
            batch_id=self.batch_id,
            rows_delivered=loaded + rejected,
            rows_loaded=loaded,
            rows_rejected=rejected,
            started_at=self.started_at,
            seconds=round(time.monotonic() - self.clock, 3),
            run_id=self.run_id,
            load=self.table.meta.load,
        )

    def batch(
        self,
        path: PurePosixPath,
        written: WrittenBatch,
        rejected: int,
        *,
        new_columns: Sequence[str] = (),
    ) -> Batch:
        """The ledger's row about this content."""
        return Batch(
            batch_id=self.batch_id,
            source_name=self.table.source,
            table_name=self.table.name,
            content_key=self.content_key,
            path=str(path),
            sha256=self.sha256,
            schema_hash=written.schema_hash,
            rows_loaded=written.rows,
            rows_rejected=rejected,
            bytes=written.bytes,
            extracted_at=self.started_at,
            cursor_value=self.cursor_value,
            new_columns=list(new_columns) or None,
        )
