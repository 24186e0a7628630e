"""Where in quarantine that lies what was kept of a delivery."""

import json
from pathlib import Path

from lakehouse.connectors.api.answers_content import ANSWERS
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.quarantine_folder import ORIGINAL, quarantine_path
from lakehouse.lake.raw_lake import RawLake
from lakehouse.source_catalog import Table


def kept_path(lake: RawLake, table: Table, delivery: Delivery) -> str | None:
    """Path in quarantine of a delivery: by its batch, or for a refused one by what its note says.

    The folder of a refused content is named after the contract of that time, which may have
    changed; the same bytes may have come under several names and contracts.

    Returns:
        None where no note tells of it; of a delivery that was loaded in part, the path it would
        have.
    """
    if delivery.batch_id:
        return quarantine_path(table, delivery.batch_id)
    notes = lake.quarantine.notes(f"{table.source}/{table.name}")
    found = [note for note in notes if _sha256(note) == delivery.sha256]
    newest = max(found, key=lambda note: note.stat().st_mtime_ns, default=None)
    return quarantine_path(table, newest.parent.name) if newest else None


def kept_folder(lake: RawLake, table: Table, delivery: Delivery) -> Path | None:
    """Folder of this machine with what was kept of a delivery; None where nothing was."""
    path = kept_path(lake, table, delivery)
    return lake.quarantine.whole(path) if path else None


def kept_original(kept: Path | None) -> Path | None:
    """What to look at in a quarantine folder: the file, the folder of answers, or the folder."""
    if kept is None:
        return None
    found = (kept / name for name in (ORIGINAL, ANSWERS) if (kept / name).exists())
    return next(found, kept)


def _sha256(note: Path) -> object:
    try:
        said = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return said.get("sha256") if isinstance(said, dict) else None
