"""Load one delivered file into the RAW lake: exactly once per content, whole or not at all.

Order of a write: lock, recover, write `.tmp`, sync, commit the ledger, rename, sync. A death at
any point leaves either nothing that the ledger knows, or a committed `.tmp` that the next writer
renames.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from lakehouse.connectors.folder import FoundFile, assert_unchanged
from lakehouse.errors import DeliveryRefused, RowCountCollapsed
from lakehouse.formats.content_profile import ContentProfile, profile_content
from lakehouse.formats.csv import stage_csv
from lakehouse.formats.staged_file import RejectedRow
from lakehouse.lake.batch_writer import WrittenBatch, write_batch, write_rejects
from lakehouse.lake.ledger import Batch, Delivery
from lakehouse.lake.partition_layout import raw_partition_path, temporary_path
from lakehouse.lake.raw_lake import RawLake, publish_file
from lakehouse.source_catalog import Table

SMALLEST_JUDGED_REJECTS = 20


@dataclass(frozen=True)
class _Arrival:
    table: Table
    found: FoundFile
    profile: ContentProfile
    batch_id: str
    content_key: str
    started_at: datetime
    run_id: str | None


def batch_identity(table: Table, found: FoundFile, sha256: str) -> tuple[str, str]:
    """Derive (batch id, content key) from content, never from time or name.

    The content key says what was delivered; the batch id adds how it was read, so that a file
    read under a changed contract is a new batch of the same content.
    """
    content = json.dumps([table.source, table.name, sha256, sorted(found.captured.items())])
    content_key = hashlib.sha256(content.encode()).hexdigest()[:32]
    reading = f"{content_key}:{table.reading_hash}"
    return hashlib.sha256(reading.encode()).hexdigest()[:32], content_key


def load_file(
    folder: Path,
    found: FoundFile,
    table: Table,
    lake: RawLake,
    *,
    run_id: str | None = None,
    profile: ContentProfile | None = None,
) -> Delivery:
    """Load one file of `folder`.

    Args:
        folder: landing folder.
        found: the settled file.
        table: its table and contract.
        lake: where it goes.
        run_id: flow run that is told to the ledger.
        profile: of this very content, if it was read already.

    Returns:
        The delivery as recorded: loaded, known (content already in the lake) or quarantined.

    Raises:
        DeliveryMoving: the file changed meanwhile; nothing was loaded.
        OSError: disk full or unreadable; nothing was loaded.
    """
    started_at, clock = datetime.now(UTC), time.monotonic()
    profile = profile or profile_content(folder / found.name)
    batch_id, content_key = batch_identity(table, found, profile.sha256)
    arrival = _Arrival(table, found, profile, batch_id, content_key, started_at, run_id)
    with lake.writer_of(table, run_id or "load"):
        lake.recover(table.source, table.name)
        known = lake.ledger.batch(batch_id)
        if known and lake.file_of(known).is_file():
            assert_unchanged(folder, found)
            delivery = _delivery(arrival, clock, known.rows_loaded, known.rows_rejected)
            return _record(lake, replace(delivery, status="known"))
        try:
            return _load_new(folder, arrival, lake, clock, known)
        except DeliveryRefused as refusal:
            assert_unchanged(folder, found)
            return _quarantine(folder, arrival, lake, clock, refusal)


def _load_new(
    folder: Path, arrival: _Arrival, lake: RawLake, clock: float, lost: Batch | None
) -> Delivery:
    table, settings = arrival.table, lake.settings
    extracted_at = lost.extracted_at if lost else arrival.started_at
    path = raw_partition_path(table.source, table.name, extracted_at, arrival.batch_id)
    final = lake.root / path
    final.parent.mkdir(parents=True, exist_ok=True)
    # A lost file is in the ledger: under its own temporary name a torn one would be completed.
    temporary = temporary_path(final.with_suffix(".again") if lost else final)
    with _scratch(settings.scratch / table.source / table.name) as scratch:
        staged = stage_csv(
            folder / arrival.found.name,
            table,
            scratch,
            profile=arrival.profile,
            threads=settings.duckdb_threads,
            memory=settings.duckdb_memory,
        )
        try:
            written = write_batch(
                staged,
                table,
                temporary,
                batch_id=arrival.batch_id,
                file_name=arrival.found.name,
                captured=arrival.found.captured,
                extracted_at=extracted_at,
                scratch=scratch,
                threads=settings.duckdb_threads,
                memory=settings.duckdb_memory,
            )
            rejects = staged.rejects + written.rejects
            if rejects:
                write_rejects(rejects, _quarantine_folder(lake, arrival) / "rejects.parquet")
            _judge(arrival, lake, written, rejects)
            assert_unchanged(folder, arrival.found)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    delivery = _delivery(arrival, clock, written.rows, len(rejects))
    delivery = replace(delivery, reason="; ".join(staged.warnings) or None)
    batch = None if lost else _batch(arrival, path, written, len(rejects))
    recorded = _record(lake, delivery, batch, rejects)
    publish_file(temporary, final)
    return recorded


def _judge(
    arrival: _Arrival,
    lake: RawLake,
    written: WrittenBatch,
    rejects: tuple[RejectedRow, ...],
) -> None:
    table, name = arrival.table, arrival.found.name
    delivered = written.rows + len(rejects)
    first = rejects[0] if rejects else None
    example = f" First: line {first.line}, {first.reason}." if first else ""
    if rejects and not written.rows:
        raise DeliveryRefused(
            f"{table.full_name}: none of the {delivered} rows of {name} fits the contract."
            f"{example}",
            rows=delivered,
        )
    if (
        len(rejects) >= SMALLEST_JUDGED_REJECTS
        and len(rejects) > table.meta.max_reject_share * delivered
    ):
        raise DeliveryRefused(
            f"{table.full_name}: {len(rejects)} of {delivered} rows of {name} are refused, more "
            f"than max_reject_share allows ({table.meta.max_reject_share:.0%}).{example}",
            rows=delivered,
        )
    last = lake.ledger.newest_load(table) if table.meta.load == "snapshot" else None
    if last and written.rows < table.meta.min_row_share * last.rows_loaded:
        raise RowCountCollapsed(
            f"{table.full_name}: {name} would replace {last.rows_loaded} rows by {written.rows}. "
            f"If that is right, set min_row_share: 0 for this table and run again.",
            rows=delivered,
        )


def _quarantine(
    folder: Path, arrival: _Arrival, lake: RawLake, clock: float, refusal: DeliveryRefused
) -> Delivery:
    kept = _quarantine_folder(lake, arrival)
    shutil.copyfile(folder / arrival.found.name, kept / "original.tmp")
    (kept / "original.tmp").rename(kept / "original")
    reason = {"file": arrival.found.name, "sha256": arrival.profile.sha256, "reason": str(refusal)}
    (kept / "reason.json").write_text(json.dumps(reason, ensure_ascii=False, indent=1))
    delivery = _delivery(arrival, clock, 0, refusal.rows)
    return _record(
        lake, replace(delivery, status="quarantined", batch_id=None, reason=str(refusal))
    )


def _quarantine_folder(lake: RawLake, arrival: _Arrival) -> Path:
    kept = lake.settings.quarantine / arrival.table.source / arrival.table.name / arrival.batch_id
    kept.mkdir(parents=True, exist_ok=True)
    return kept


def _delivery(arrival: _Arrival, clock: float, loaded: int, rejected: int) -> Delivery:
    return Delivery(
        source_name=arrival.table.source,
        table_name=arrival.table.name,
        file_name=arrival.found.name,
        size=arrival.found.size,
        mtime_ns=arrival.found.mtime_ns,
        sha256=arrival.profile.sha256,
        reading_hash=arrival.table.reading_hash,
        status="loaded",
        batch_id=arrival.batch_id,
        rows_delivered=loaded + rejected,
        rows_loaded=loaded,
        rows_rejected=rejected,
        started_at=arrival.started_at,
        seconds=round(time.monotonic() - clock, 3),
        run_id=arrival.run_id,
    )


def _batch(arrival: _Arrival, path: PurePosixPath, written: WrittenBatch, rejected: int) -> Batch:
    return Batch(
        batch_id=arrival.batch_id,
        source_name=arrival.table.source,
        table_name=arrival.table.name,
        content_key=arrival.content_key,
        path=str(path),
        sha256=arrival.profile.sha256,
        schema_hash=written.schema_hash,
        rows_loaded=written.rows,
        rows_rejected=rejected,
        bytes=written.bytes,
        extracted_at=arrival.started_at,
    )


def _record(
    lake: RawLake,
    delivery: Delivery,
    batch: Batch | None = None,
    rejects: tuple[RejectedRow, ...] = (),
) -> Delivery:
    number = lake.ledger.record(delivery, new_batch=batch, rejects=rejects)
    return replace(delivery, delivery_id=number)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    # Under the table's lock: whatever lies here was left by a load that died.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
