"""Deliveries in a local folder: which files are there, whose they are, and whether they rest.

Names are untrusted. Only regular files directly in the folder count: a symbolic link may lead
anywhere and is ignored like a folder or a pipe.
"""

import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from lakehouse.errors import DeliveryMoving, LandingFolderMissing
from lakehouse.source_catalog import Table

UNFINISHED_SUFFIXES = (".part", ".tmp", ".filepart")


@dataclass(frozen=True)
class FoundFile:
    """A delivered file.

    Attributes:
        name: in its folder.
        size: bytes.
        mtime_ns: time of the last change, nanoseconds since 1970 UTC.
        captured: named groups of the table's regex; a group that took no part is empty.
    """

    name: str
    size: int
    mtime_ns: int
    captured: Mapping[str, str] = field(default_factory=dict)


def find_files(folder: Path, table: Table) -> list[FoundFile]:
    """List the files of a table, the longest unchanged first.

    `pattern` (a glob, in which case matters) or `regex` must match the whole name. Hidden files
    and those that are still being sent (`.part`, `.tmp`, `.filepart`) are left out.

    A name that cannot be shown as it is, is left out too; `unusable_names` tells of it.

    Raises:
        LandingFolderMissing: the folder does not exist or cannot be listed.
    """
    found = [file for file in _matching(folder, table) if _is_usable(file.name)]
    return sorted(found, key=lambda file: (file.mtime_ns, file.name))


def unusable_names(folder: Path, table: Table) -> list[str]:
    r"""Names of files of the table that have control characters, a backslash, or are no Unicode.

    Such a name could pass for another one in a log or a report, so its file is not loaded.

    Returns:
        The names with every such character escaped, as in `a\x1b.csv`.

    Raises:
        LandingFolderMissing: see `find_files`.
    """
    names = (file.name for file in _matching(folder, table))
    return sorted(ascii(name)[1:-1] for name in names if not _is_usable(name))


def settled(folder: Path, before: Sequence[FoundFile]) -> tuple[list[FoundFile], list[FoundFile]]:
    """Look a second time at files that were found.

    Args:
        folder: in which they were found.
        before: the first look, some time ago.

    Returns:
        Those whose size and time did not change, and those that changed or went away.
    """
    resting: list[FoundFile] = []
    moving: list[FoundFile] = []
    for file in before:
        unchanged = _regular_file(folder / file.name) == (file.size, file.mtime_ns)
        (resting if unchanged else moving).append(file)
    return resting, moving


def assert_unchanged(folder: Path, found: FoundFile) -> None:
    """Make sure that what was read is what was found.

    Raises:
        DeliveryMoving: size or time differ by now, or the file is gone.
    """
    status = _regular_file(folder / found.name)
    if status == (found.size, found.mtime_ns):
        return
    what = "is gone" if status is None else f"changed ({found.size} bytes then, {status[0]} now)"
    raise DeliveryMoving(
        f"{found.name} in {folder} {what} while it was read: its sender is not done yet."
    )


def _matching(folder: Path, table: Table) -> Iterator[FoundFile]:
    for name in _names(folder, table):
        captured = _captured(name, table)
        status = None if captured is None else _regular_file(folder / name)
        if captured is not None and status is not None:
            yield FoundFile(name, status[0], status[1], captured)


def _is_usable(name: str) -> bool:
    return name.isprintable() and "\\" not in name


def _names(folder: Path, table: Table) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError as error:
        raise LandingFolderMissing(
            f"{table.full_name}: the landing folder {folder} cannot be listed "
            f"({error.strerror}). Create it and let this user read it, or point the block "
            f"{table.block} at the right one."
        ) from error


def _captured(name: str, table: Table) -> dict[str, str] | None:
    if name.startswith(".") or name.lower().endswith(UNFINISHED_SUFFIXES):
        return None
    if table.meta.pattern:
        return {} if fnmatchcase(name, table.meta.pattern) else None
    match = re.fullmatch(table.meta.regex or "", name)
    return match.groupdict(default="") if match else None


def _regular_file(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
