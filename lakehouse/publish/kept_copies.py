"""Serving copies of earlier publications: `kept/<domain>/<build id>.duckdb` beside the newest.

A copy is kept as a second name of the same file, which costs nothing until the first name moves on.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from lakehouse.lake.durable_files import make_folder, publish_file


def kept_copy(serving: Path, build_id: str) -> Path:
    """Where the copy of a build is kept."""
    return serving.parent / "kept" / serving.stem / f"{build_id}.duckdb"


def keep_copy(serving: Path, build_id: str) -> None:
    """Keep what readers have now under the id of its build; again changes nothing."""
    kept = kept_copy(serving, build_id)
    if not serving.is_file() or kept.exists():
        return
    make_folder(kept.parent)
    part = kept.with_suffix(".part")
    part.unlink(missing_ok=True)
    os.link(serving, part)
    publish_file(part, kept)


def prune_copies(serving: Path, newest_first: Iterable[str], most: int) -> list[str]:
    """Remove all but the newest kept copies.

    Args:
        serving: where readers look.
        newest_first: ids of the builds of earlier publications.
        most: how many stay.

    Returns:
        Ids of the builds whose copies went.
    """
    stay: set[str] = set()
    for build_id in newest_first:
        if len(stay) >= most:
            break
        if kept_copy(serving, build_id).is_file():
            stay.add(build_id)
    removed = []
    for build_id in sorted(kept_builds(serving) - stay):
        kept_copy(serving, build_id).unlink(missing_ok=True)
        removed.append(build_id)
    return removed


def kept_builds(serving: Path) -> set[str]:
    """Ids of the builds whose copies are kept."""
    folder = serving.parent / "kept" / serving.stem
    return {path.stem for path in folder.glob("*.duckdb")}
