"""What is kept of a delivery that was refused, whole or in part.

`quarantine/{source}/{table}/{batch}/` holds `rejects.parquet` (refused rows), and for a refused
file also `original` and `reason.json`. Each appears whole or not at all.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from lakehouse.formats.staged_file import RejectedRow
from lakehouse.lake.batch_writer import write_rejects
from lakehouse.lake.durable_files import make_folder, publish_file, sync
from lakehouse.source_catalog import Table

ORIGINAL = "original"


def quarantine_path(table: Table, batch_id: str) -> str:
    """Where the refused parts of one content lie, relative to the quarantine."""
    return f"{table.source}/{table.name}/{batch_id}"


def keep_rejects(kept: Path, rejects: Sequence[RejectedRow]) -> None:
    """Keep refused rows: source_line, column, reason, value, raw."""
    make_folder(kept)
    temporary = kept / "rejects.parquet.tmp"
    write_rejects(tuple(rejects), temporary)
    sync(temporary)
    publish_file(temporary, kept / "rejects.parquet")


def keep_original(
    kept: Path,
    file: Path,
    name: str,
    sha256: str,
    reason: str,
    *,
    assert_unchanged: Callable[[], None],
) -> None:
    """Keep a refused file as it was delivered, and why it was refused.

    Args:
        kept: its quarantine folder; made if missing.
        file: where its content lies.
        name: under which it was delivered.
        sha256: of its content.
        reason: why it was refused.
        assert_unchanged: raises where the content is no longer what was read.

    Raises:
        DeliveryMoving: the file changed before or while it was copied.
    """
    make_folder(kept)
    temporary = kept / "original.tmp"
    try:
        shutil.copyfile(file, temporary)
        assert_unchanged()
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(temporary)
    publish_file(temporary, kept / ORIGINAL)
    said = {"file": name, "sha256": sha256, "reason": reason}
    note = kept / "reason.json.tmp"
    note.write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")
    sync(note)
    publish_file(note, kept / "reason.json")
