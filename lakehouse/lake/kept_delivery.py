"""Where in quarantine that lies what was kept of a delivery."""

import json
from pathlib import Path

from lakehouse.connectors.api.answers_content import ANSWERS
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.quarantine_folder import ORIGINAL
from lakehouse.lake.raw_lake import RawLake
from lakehouse.source_catalog import Table


def kept_folder(lake: RawLake, table: Table, delivery: Delivery) -> Path | None:
    """The folder of a delivery: by its batch, or for a refused one by what `reason.json` says.

    The folder of a refused content is named after the contract of that time, which may have
    changed; the same bytes may have come under several names and contracts.

    Returns:
        None where nothing was kept.
    """
    folder = lake.settings.quarantine / table.source / table.name
    if delivery.batch_id:
        kept = folder / delivery.batch_id
        return kept if kept.is_dir() else None
    found = [
        note.parent for note in folder.glob("*/reason.json") if _sha256(note) == delivery.sha256
    ]
    return max(found, key=lambda kept: (kept / "reason.json").stat().st_mtime_ns, default=None)


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
