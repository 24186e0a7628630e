"""Load one delivered file into the RAW lake: exactly once per content, whole or not at all.

Order of a write: lock, recover, write `.tmp`, sync, commit the ledger, rename, sync. A death at
any point leaves either nothing that the ledger knows, or a committed `.tmp` that the next writer
renames.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from lakehouse.connectors.folder import FoundFile, assert_unchanged
from lakehouse.errors import DeliveryRefused
from lakehouse.formats.content_profile import ContentProfile, profile_content
from lakehouse.formats.csv import stage_csv
from lakehouse.formats.staged_file import RejectedRow
from lakehouse.lake.arrival import Arrival
from lakehouse.lake.batch_writer import WrittenBatch, write_batch
from lakehouse.lake.duckdb_session import resources_suffice
from lakehouse.lake.durable_files import make_folder, publish_file
from lakehouse.lake.ledger import Batch, Delivery
from lakehouse.lake.load_limits import refuse_bad_rows, refuse_collapse
from lakehouse.lake.partition_layout import raw_partition_path, temporary_path
from lakehouse.lake.quarantine_folder import keep_original, keep_rejects, quarantine_folder
from lakehouse.lake.raw_lake import RawLake
from lakehouse.source_catalog import Table


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
        DeliveryMoving: the file changed or went away meanwhile; nothing was loaded.
        ResourcesExhausted: disk or memory did not suffice; nothing was loaded.
        OSError: the file cannot be read; nothing was loaded.
    """
    started_at, clock = datetime.now(UTC), time.monotonic()
    try:
        profile = profile or profile_content(folder / found.name)
    except FileNotFoundError:
        assert_unchanged(folder, found)
        raise
    arrival = Arrival.of(table, found, profile, started_at, clock, run_id)
    where = f"{table.full_name}, file {found.name}"
    with resources_suffice(where), lake.writer_of(table, run_id or "load"):
        lake.recover(table.source, table.name)
        known = lake.ledger.batch(arrival.batch_id)
        try:
            if known and lake.file_of(known).is_file():
                return _load_known(folder, arrival, lake, known)
            return _load_new(folder, arrival, lake, known)
        except DeliveryRefused as refusal:
            return _quarantine(folder, arrival, lake, refusal)
        except FileNotFoundError:
            assert_unchanged(folder, found)
            raise


def _load_known(folder: Path, arrival: Arrival, lake: RawLake, known: Batch) -> Delivery:
    assert_unchanged(folder, arrival.found)
    refuse_collapse(
        arrival.table,
        arrival.found.name,
        known.rows_loaded,
        lake.ledger,
        delivered=known.rows_loaded + known.rows_rejected,
    )
    delivery = arrival.delivery(known.rows_loaded, known.rows_rejected)
    return _record(lake, replace(delivery, status="known"))


def _load_new(folder: Path, arrival: Arrival, lake: RawLake, lost: Batch | None) -> Delivery:
    table = arrival.table
    extracted_at = lost.extracted_at if lost else arrival.started_at
    path = (
        PurePosixPath(lost.path)
        if lost
        else lake.unknown_file(table, arrival.batch_id)
        or raw_partition_path(table.source, table.name, extracted_at, arrival.batch_id)
    )
    final = lake.root / path
    make_folder(final.parent)
    # A lost file is in the ledger: under its own temporary name a torn one would be completed.
    temporary = temporary_path(final.with_suffix(".again") if lost else final)
    try:
        written, rejects, warnings = _write(folder, arrival, lake, temporary, extracted_at)
        assert_unchanged(folder, arrival.found)
        if rejects:
            keep_rejects(_kept(lake, arrival), rejects)
        delivered = written.rows + len(rejects)
        refuse_bad_rows(table, arrival.found.name, written.rows, rejects)
        refuse_collapse(table, arrival.found.name, written.rows, lake.ledger, delivered=delivered)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    delivery = arrival.delivery(written.rows, len(rejects))
    delivery = replace(delivery, reason="; ".join(warnings) or None)
    batch = None if lost else arrival.batch(path, written, len(rejects))
    recorded = _record(lake, delivery, batch, rejects)
    publish_file(temporary, final)
    return recorded


def _write(
    folder: Path, arrival: Arrival, lake: RawLake, temporary: Path, extracted_at: datetime
) -> tuple[WrittenBatch, tuple[RejectedRow, ...], tuple[str, ...]]:
    table, settings = arrival.table, lake.settings
    with _scratch(settings.scratch / table.source / table.name) as scratch:
        staged = stage_csv(
            folder / arrival.found.name,
            table,
            scratch,
            profile=arrival.profile,
            threads=settings.duckdb_threads,
            memory=settings.duckdb_memory,
        )
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
    return written, staged.rejects + written.rejects, staged.warnings


def _quarantine(
    folder: Path, arrival: Arrival, lake: RawLake, refusal: DeliveryRefused
) -> Delivery:
    keep_original(_kept(lake, arrival), folder, arrival.found, arrival.profile.sha256, str(refusal))
    delivery = replace(
        arrival.delivery(0, refusal.rows),
        status="quarantined",
        batch_id=None,
        reason=str(refusal),
        reading_hash=arrival.table.judgement_hash,
    )
    return _record(lake, delivery)


def _kept(lake: RawLake, arrival: Arrival) -> Path:
    return quarantine_folder(lake.settings.quarantine, arrival.table, arrival.batch_id)


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
