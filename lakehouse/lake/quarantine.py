"""Deliveries in quarantine: list them, find one, load it again, or discard it with a reason.

A refused delivery is open while it is the newest of its name and nothing was decided about it. A
corrected file of the same name settles it too.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lakehouse.connectors.api.answers_content import read_kept_answers
from lakehouse.connectors.api.load_api_table import load_answers
from lakehouse.connectors.download_folder import download_folder
from lakehouse.connectors.file_store import FoundFile, files_of
from lakehouse.errors import QuarantineRefused
from lakehouse.formats.content_profile import profile_content
from lakehouse.formats.staged_file import StagedFile
from lakehouse.formats.staging_limits import StagingLimits
from lakehouse.lake.arrival import Arrival
from lakehouse.lake.kept_delivery import kept_folder
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.load_delivery import Content, load_delivery
from lakehouse.lake.load_file import FileContent
from lakehouse.lake.quarantine_decisions import Decision, QuarantineDecisions
from lakehouse.lake.quarantine_folder import ORIGINAL
from lakehouse.lake.raw_lake import RawLake
from lakehouse.source_catalog import Catalog, Table

SHORTEST_REASON = 10


@dataclass(frozen=True)
class RefusedDelivery:
    """A delivery of which something is in quarantine.

    Attributes:
        domain: whose it is.
        delivery: as recorded; loaded or known if only some of its rows were refused.
        decision: about it, if there is one.
        newer: number of a newer delivery of the same name, which settles this one.
    """

    domain: str
    table: Table
    delivery: Delivery
    decision: Decision | None = None
    newer: int | None = None

    @property
    def number(self) -> int:
        """By which it is called."""
        return self.delivery.delivery_id or 0

    @property
    def is_open(self) -> bool:
        """Whether somebody has to decide about it."""
        return self.delivery.status == "quarantined" and not self.decision and not self.newer

    @property
    def state(self) -> str:
        """In a word or two."""
        if self.delivery.status != "quarantined":
            return "loaded without its bad rows"
        if self.decision:
            return self.decision.decision
        return f"settled by delivery {self.newer}" if self.newer else "open"


def list_refused(
    catalogs: Iterable[Catalog], lake: RawLake, *, source: str | None = None
) -> list[RefusedDelivery]:
    """Everything open, and the newest deliveries that were loaded without some of their rows."""
    found = []
    for catalog in catalogs:
        for table in catalog.tables:
            if source not in (None, table.source):
                continue
            open_ones = lake.ledger.open_quarantine(table)
            partly = [
                delivery
                for delivery in lake.ledger.newest_deliveries(table).values()
                if delivery.status != "quarantined" and delivery.rows_rejected
            ]
            found += [RefusedDelivery(catalog.domain, table, d) for d in [*open_ones, *partly]]
    return sorted(found, key=lambda one: (not one.is_open, one.number))


def find_refused(catalogs: Iterable[Catalog], lake: RawLake, number: int) -> RefusedDelivery:
    """Find a delivery by its number, open or settled.

    Raises:
        QuarantineRefused: there is none, or nothing of it was refused.
    """
    decisions = QuarantineDecisions(lake.ledger.engine)
    delivery = decisions.delivery(number)
    for catalog in catalogs:
        for table in catalog.tables:
            if delivery is None or (delivery.source_name, delivery.table_name) != (
                table.source,
                table.name,
            ):
                continue
            if delivery.status != "quarantined" and not delivery.rows_rejected:
                raise QuarantineRefused(
                    f"Nothing of delivery {number} ({table.full_name}, {delivery.file_name}) was "
                    "refused: all of its rows are in the lake."
                )
            newest = lake.ledger.newest_deliveries(table)[delivery.file_name].delivery_id
            newer = newest if newest != number else None
            decision = decisions.about(number)
            return RefusedDelivery(catalog.domain, table, delivery, decision, newer)
    raise QuarantineRefused(
        f"There is no delivery {number} in quarantine here. `aljibe quarantine list` shows those "
        "that are."
    )


def discard(refused: RefusedDelivery, lake: RawLake, reason: str, *, run_id: str) -> Decision:
    """Decide that a refused delivery will not be loaded; what was kept of it stays.

    Args:
        refused: an open delivery.
        lake: where it would have gone.
        reason: at least ten characters, for those who ask later.
        run_id: who decides.

    Raises:
        QuarantineRefused: the reason says nothing, or the delivery is not open.
    """
    said = " ".join(reason.split())
    if len(said) < SHORTEST_REASON or not any(char.isalpha() for char in said):
        raise QuarantineRefused(
            f"A reason of at least {SHORTEST_REASON} characters is needed to discard a delivery: "
            "somebody will ask."
        )
    with lake.writer_of(refused.table, run_id):
        _assert_open(refused, lake)
        decisions = QuarantineDecisions(lake.ledger.engine)
        decisions.record(refused.number, "discarded", said, run_id)
        decision = decisions.about(refused.number)
    if decision is None:
        raise QuarantineRefused(f"The decision about {refused.number} was not written. Try again.")
    return decision


def replay(refused: RefusedDelivery, lake: RawLake, *, run_id: str) -> Delivery:
    """Load what was kept of a refused delivery again, under the contract as it is now.

    Returns:
        The new delivery, under the old name: loaded, known, or refused again with its reason.

    Raises:
        QuarantineRefused: it is not open any more, or not all of it was kept.
        ResourcesExhausted: disk or memory did not suffice; nothing was loaded.
    """
    _assert_open(refused, lake)
    kept = kept_folder(lake, refused.table, refused.delivery)
    started_at, clock = datetime.now(UTC), time.monotonic()
    old, table = refused.delivery, refused.table

    def guarded(content: Content) -> Content:
        return _StillOpen(content, refused, lake)

    answers = read_kept_answers(kept) if kept else None
    if answers and not answers.is_whole:
        raise QuarantineRefused(_part_kept(refused))
    if kept and answers:
        with download_folder(lake.settings.scratch / "replayed-answers") as folder:
            delivery = load_answers(
                answers,
                table,
                lake,
                folder=folder,
                file_name=old.file_name,
                started_at=started_at,
                clock=clock,
                run_id=run_id,
                mtime_ns=old.mtime_ns,
                guarded=guarded,
            )
    elif kept and (kept / ORIGINAL).is_file():
        found = _found_again(table, old)
        profile = profile_content(kept / ORIGINAL)
        limits = StagingLimits(lake.settings.duckdb_threads, lake.settings.duckdb_memory)
        content = FileContent(kept, found, table, profile, limits, local_name=ORIGINAL)
        arrival = Arrival.of(table, found, profile.sha256, started_at, clock, run_id)
        delivery = load_delivery(arrival, guarded(content), lake)
    else:
        raise QuarantineRefused(_nothing_kept(refused))
    outcome = f"delivery {delivery.delivery_id} {delivery.status}"
    with lake.writer_of(table, run_id):
        if QuarantineDecisions(lake.ledger.engine).about(refused.number) is None:
            QuarantineDecisions(lake.ledger.engine).record(
                refused.number, "replayed", outcome, run_id
            )
    return delivery


@dataclass(frozen=True)
class _StillOpen:
    """Content of a replay: under the table's lock it looks once more whether it is wanted."""

    content: Content
    refused: RefusedDelivery
    lake: RawLake

    def assert_unchanged(self) -> None:
        _assert_open(self.refused, self.lake)
        self.content.assert_unchanged()

    def stage(self, scratch: Path) -> Sequence[StagedFile]:
        _assert_open(self.refused, self.lake)
        return self.content.stage(scratch)

    def keep(self, kept: Path, reason: str) -> None:
        _assert_open(self.refused, self.lake)
        self.content.keep(kept, reason)


def _assert_open(refused: RefusedDelivery, lake: RawLake) -> None:
    name = f"Delivery {refused.number} ({refused.table.full_name}, {refused.delivery.file_name})"
    if refused.delivery.status != "quarantined":
        raise QuarantineRefused(
            f"{name} was loaded; only {refused.delivery.rows_rejected} of its rows were refused. "
            "Let its sender correct it and deliver it again under the same name."
        )
    decision = QuarantineDecisions(lake.ledger.engine).about(refused.number)
    if decision:
        raise QuarantineRefused(f"{name} was already {decision}.")
    newest = lake.ledger.newest_deliveries(refused.table)[refused.delivery.file_name]
    if newest.delivery_id != refused.number:
        raise QuarantineRefused(
            f"{name} is settled: delivery {newest.delivery_id} of the same name came after it "
            f"and is {newest.status}."
        )


def _found_again(table: Table, delivery: Delivery) -> FoundFile:
    found = FoundFile(delivery.file_name, delivery.size, delivery.mtime_ns)
    if table.connector not in ("files", "sftp"):
        return found
    listing = files_of(table, [found])
    files = [*listing.files, *listing.unready]
    if not files:
        raise QuarantineRefused(
            f"{table.full_name}: the name {delivery.file_name} does not fit pattern or regex of "
            "the table any more. Correct them, or discard the delivery."
        )
    return files[0]


def _part_kept(refused: RefusedDelivery) -> str:
    return (
        f"Delivery {refused.number} ({refused.table.full_name}, {refused.delivery.file_name}): "
        "Only the first pages were fetched: run the domain again. If the delivery is still open "
        "then, discard it."
    )


def _nothing_kept(refused: RefusedDelivery) -> str:
    name = f"Nothing was kept of delivery {refused.number} ({refused.table.full_name})"
    if refused.table.connector == "database":
        return (
            f"{name}: its rows are still in the database. Correct them there, or set "
            "min_row_share or max_reject_share of the table, and run the domain again."
        )
    return (
        f"{name}, or it was removed from the quarantine folder. Let its sender deliver it again, "
        "or discard it."
    )
