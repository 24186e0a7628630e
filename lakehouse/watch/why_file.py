"""Why a file is taken or not, in words."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from lakehouse.connectors.file_store import (
    UNFINISHED_SUFFIXES,
    FileStore,
    FoundFile,
    files_of,
    is_usable,
    settled,
)
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.pending_files import pending_names
from lakehouse.lake.raw_lake import RawLake
from lakehouse.source_catalog import Table


@dataclass(frozen=True)
class Reason:
    """What a table makes of a file.

    Attributes:
        table: `source.table`.
        text: in words.
        taken: it is in the lake, or the next run takes it.
    """

    table: str
    text: str
    taken: bool = False


def name_fits(table: Table, name: str) -> bool:
    """Whether a name is one that the table asks for, complete or not."""
    plain = _without_unfinished(name)
    found = files_of(table, [FoundFile(plain, 0, 0)])
    return bool(found.files or found.unready or found.unusable)


def why_file(
    store: FileStore,
    table: Table,
    name: str,
    lake: RawLake,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Reason:
    """Say what becomes of a file whose name fits a table.

    Args:
        store: folder of the table.
        table: see `name_fits`.
        name: of the file.
        lake: with the ledger.
        pause: waits so many seconds between two looks.

    Raises:
        LandingFolderMissing: see `FileStore.listing`.
        TransientError: see `FileStore.listing`.
    """
    listing = store.listing(table)
    here = [file for file in listing if file.name == name]
    known = lake.ledger.newest_deliveries(table).get(name)
    if not here:
        gone = f"it is not in {store}"
        text = f"{gone} any more; {_became(known)}" if known else f"{gone}, and no run has seen it"
        return Reason(table.full_name, text, _is_in(known))
    if fault := _fault_of_name(name):
        return Reason(table.full_name, fault)
    if known and name not in pending_names(here, {name: known}, table, lake):
        return Reason(table.full_name, _became(known), _is_in(known))
    if any(file.name == name for file in files_of(table, listing).unready):
        marker = (table.meta.ready_marker or "").replace("{name}", name)
        return Reason(table.full_name, f"its ready marker {marker} is not there yet")
    pause(table.meta.settle_seconds)
    if settled(store, here)[1]:
        return Reason(table.full_name, "it is still being sent; it is taken once it rests")
    before = f"; before, {_became(known)}" if known else ""
    text = f"it is complete and new: the next run takes it{before}"
    return Reason(table.full_name, text, taken=True)


def _fault_of_name(name: str) -> str:
    if not is_usable(name):
        return "its name has characters that no report can show; rename it"
    if name != _without_unfinished(name):
        return "by its name it is still being sent; its sender has to rename it"
    return "hidden files are not taken; rename it" if name.startswith(".") else ""


def _without_unfinished(name: str) -> str:
    for suffix in UNFINISHED_SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def _is_in(delivery: Delivery | None) -> bool:
    return delivery is not None and delivery.batch_id is not None


def _became(delivery: Delivery) -> str:
    when = f"{delivery.started_at:%Y-%m-%d %H:%M} UTC"
    if delivery.status == "quarantined":
        return (
            f"it was refused on {when} (delivery {delivery.delivery_id}): {delivery.reason}; see "
            f"`aljibe quarantine show {delivery.delivery_id}`"
        )
    rows = f"{delivery.rows_loaded} rows, {delivery.rows_rejected} refused"
    if delivery.status == "known":
        return f"it was taken on {when}; its content was in the lake already ({rows})"
    return f"it was loaded on {when} ({rows})"
