"""Load one delivery into the RAW lake: exactly once per content, whole or not at all.

Order of a write: lock, recover, write unseen, sync or send, commit the ledger, show. A death at any
point leaves either nothing that the ledger knows, or a committed batch that is whole: in a folder
the next writer renames it, in a bucket readers see it already.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Protocol

from lakehouse.errors import DeliveryRefused
from lakehouse.faults import error_type_of
from lakehouse.formats.staged_file import EmptiedCell, RejectedRow, StagedFile
from lakehouse.lake.arrival import Arrival
from lakehouse.lake.batch_writer import WrittenBatch, write_batch
from lakehouse.lake.duckdb_session import resources_suffice
from lakehouse.lake.ledger import Batch, Delivery
from lakehouse.lake.load_limits import refuse_bad_rows, refuse_collapse
from lakehouse.lake.partition_layout import raw_partition_path
from lakehouse.lake.quarantine_folder import keep_rejects, quarantine_path
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.shared_locks import Lock


class Content(Protocol):
    """What is delivered, and how to get at it."""

    def assert_unchanged(self) -> None:
        """Make sure that what was read is what was found; raises `DeliveryMoving`."""

    def stage(self, scratch: Path) -> Sequence[StagedFile]:
        """Parse it into parts in `scratch`; raises `DeliveryRefused`."""

    def keep(self, kept: Path, reason: str) -> None:
        """Keep it in the quarantine folder `kept` as it was delivered."""


def load_delivery(arrival: Arrival, content: Content, lake: RawLake) -> Delivery:
    """Load one delivery.

    Returns:
        The delivery as recorded: loaded, known (content already in the lake) or quarantined.

    Raises:
        DeliveryMoving: the content changed or went away meanwhile; nothing was loaded.
        ResourcesExhausted: disk or memory did not suffice; nothing was loaded.
        LakeRefused, LakeUnavailable: the bucket cannot be written; nothing was loaded.
        LockLost: another process took the table meanwhile; nothing was loaded.
        OSError: the content cannot be read; nothing was loaded.
    """
    table = arrival.table
    where = f"{table.full_name}, file {arrival.found.name}"
    with resources_suffice(where), lake.writer_of(table, arrival.run_id or "load") as lock:
        lake.recover(table.source, table.name)
        known = lake.ledger.batch(arrival.batch_id)
        try:
            if known and lake.store.holds(known.path):
                return _load_known(arrival, content, lake, known, lock)
            return _load_new(arrival, content, lake, known, lock)
        except DeliveryRefused as refusal:
            return _quarantine(arrival, content, lake, refusal, lock)
        except FileNotFoundError:
            content.assert_unchanged()
            raise


def _load_known(
    arrival: Arrival, content: Content, lake: RawLake, known: Batch, lock: Lock
) -> Delivery:
    content.assert_unchanged()
    refuse_collapse(
        arrival.table,
        arrival.found.name,
        known.rows_loaded,
        lake.ledger,
        delivered=known.rows_loaded + known.rows_rejected,
    )
    delivery = arrival.delivery(known.rows_loaded, known.rows_rejected)
    return _record(lake, lock, replace(delivery, status="known"))


def _load_new(
    arrival: Arrival, content: Content, lake: RawLake, lost: Batch | None, lock: Lock
) -> Delivery:
    table = arrival.table
    extracted_at = lost.extracted_at if lost else arrival.started_at
    path = (
        PurePosixPath(lost.path)
        if lost
        else lake.store.unknown_file(table.source, table.name, arrival.batch_id)
        or raw_partition_path(table.source, table.name, extracted_at, arrival.batch_id)
    )
    unseen = lake.store.unseen(path, again=lost is not None)
    try:
        written, rejects, notes, new = _write(arrival, content, lake, unseen.path, extracted_at)
        content.assert_unchanged()
        if rejects:
            with _kept(lake, arrival) as kept:
                keep_rejects(kept, rejects)
        rejected = len(rejects) - len(written.rejects) + written.rejected
        delivered = written.rows + rejected
        refuse_bad_rows(table, arrival.found.name, written.rows, rejects, rejected)
        refuse_collapse(table, arrival.found.name, written.rows, lake.ledger, delivered=delivered)
        unseen.send()
    except BaseException:
        unseen.discard()
        raise
    delivery = arrival.delivery(written.rows, len(rejects))
    delivery = replace(delivery, reason="; ".join(notes) or None)
    batch = None if lost else arrival.batch(path, written, len(rejects), new_columns=new)
    recorded = _record(lake, lock, delivery, batch, rejects, written.emptied)
    unseen.show()
    return recorded


def _write(
    arrival: Arrival, content: Content, lake: RawLake, temporary: Path, extracted_at: datetime
) -> tuple[WrittenBatch, tuple[RejectedRow, ...], tuple[str, ...], list[str]]:
    table, settings = arrival.table, lake.settings
    with _scratch(settings.scratch / table.source / table.name) as scratch:
        parts = content.stage(scratch)
        written = write_batch(
            parts,
            table,
            temporary,
            batch_id=arrival.batch_id,
            file_name=arrival.found.name,
            extracted_at=extracted_at,
            scratch=scratch,
            threads=settings.duckdb_threads,
            memory=settings.duckdb_memory,
        )
    rejects = tuple(reject for part in parts for reject in part.rejects) + written.rejects
    new = list(dict.fromkeys(name for part in parts for name in part.new_columns))
    told = [] if table.meta.open_columns else new
    return written, rejects, _notes(parts, written, told), new


def _notes(
    parts: Sequence[StagedFile], written: WrittenBatch, new: Sequence[str]
) -> tuple[str, ...]:
    """What somebody should know of a delivery that was loaded."""
    notes = list(dict.fromkeys(warning for part in parts for warning in part.warnings))
    if new:
        notes.append(f"new columns, loaded as text: {', '.join(new)}; declare them")
    if written.emptied:
        columns = ", ".join(dict.fromkeys(cell.column for cell in written.emptied))
        notes.append(
            f"{len(written.emptied)} cells of {columns} hold dates or numbers that do not exist "
            "and are NULL; etl.rejected_rows names them"
        )
    return tuple(notes)


def _quarantine(
    arrival: Arrival, content: Content, lake: RawLake, refusal: DeliveryRefused, lock: Lock
) -> Delivery:
    with _kept(lake, arrival) as kept:
        content.keep(kept, str(refusal))
    delivery = replace(
        arrival.delivery(0, refusal.rows),
        status="quarantined",
        batch_id=None,
        reason=str(refusal),
        refused_as=error_type_of(refusal),
        reading_hash=arrival.table.judgement_hash,
    )
    return _record(lake, lock, delivery)


@contextmanager
def _kept(lake: RawLake, arrival: Arrival) -> Iterator[Path]:
    path = quarantine_path(arrival.table, arrival.batch_id)
    yield lake.quarantine.keeping(path)
    lake.quarantine.kept(path)


def _record(
    lake: RawLake,
    lock: Lock,
    delivery: Delivery,
    batch: Batch | None = None,
    rejects: tuple[RejectedRow, ...] = (),
    emptied: tuple[EmptiedCell, ...] = (),
) -> Delivery:
    number = lake.ledger.record(
        delivery, new_batch=batch, rejects=rejects, emptied=emptied, guard=lock.confirm
    )
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
