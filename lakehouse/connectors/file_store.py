"""A folder of deliveries, wherever it is, and which of its files are whose.

Names are untrusted: they decide what a file is called in reports, never where something is
written. Only regular files directly in the folder count.
"""

import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from lakehouse.source_catalog import Table

UNFINISHED_SUFFIXES = (".part", ".tmp", ".filepart")
_SEPARATORS = {"/", "\\"}

OnWait = Callable[[str], None]
"""Told what is waited for, in words, a few times a second at most."""


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


@dataclass(frozen=True)
class FetchedFile:
    """A found file as it lies on this machine, or why it does not.

    Attributes:
        found: the file in its store.
        folder: where it lies.
        local_name: name in `folder` of a copy that nobody else changes; None for the delivered
            file itself.
        fault: the error that kept just this file from being fetched.
    """

    found: FoundFile
    folder: Path
    local_name: str | None = None
    fault: Exception | None = None


class FileStore(Protocol):
    """A folder of deliveries; a new protocol implements this and gets the rest for nothing."""

    def listing(self, table: Table) -> list[FoundFile]:
        r"""Every regular file directly in the folder, with bytes that are no UTF-8 as `\udcXX`.

        Args:
            table: for messages only.

        Raises:
            LandingFolderMissing: there is no such folder, or it cannot be listed.
            TransientError: it cannot be reached now.
        """

    def look(self, files: Sequence[FoundFile]) -> Mapping[str, tuple[int, int]]:
        """Size and mtime_ns, as they are now, of those of the files that are still there."""

    def local_file(self, found: FoundFile) -> Path | None:
        """Where the file itself lies on this machine; None if it has to be fetched."""

    def fetch(
        self, files: Sequence[FoundFile], scratch: Path, on_wait: OnWait
    ) -> Generator[FetchedFile, None, None]:
        """Bring files to this machine, in their order; each copy is gone at the next step.

        To be closed by who does not take all of them.

        Args:
            files: as `look` agreed on them.
            scratch: folder of this table for downloads; other runs may use it at the same time.
            on_wait: told of progress while the next file is awaited.

        Raises:
            TransientError: the store cannot be reached; what was yielded before stands.
            ResourcesExhausted: the disk is full.
        """

    def set_aside(self, found: FoundFile) -> str | None:
        """Move a file that was loaded to `processed/`; returns its new name, None if it changed."""

    def close(self) -> None:
        """End connections; the store can be used again."""


@dataclass(frozen=True)
class TableListing:
    r"""Which files of a listing belong to a table.

    Attributes:
        files: complete by their names, the longest unchanged first.
        unready: those whose ready marker is missing.
        unusable: names, escaped as in `a\x1b.csv`, that could pass for others in a report.
    """

    files: tuple[FoundFile, ...]
    unready: tuple[FoundFile, ...] = ()
    unusable: tuple[str, ...] = ()


def files_of(table: Table, listing: Iterable[FoundFile]) -> TableListing:
    """Sort a listing by the names that a table asks for.

    `pattern` (a glob, in which case matters) or `regex` must match the whole name. Hidden files
    and those that are still being sent (`.part`, `.tmp`, `.filepart`) are left out, and so are
    ready markers. A name with control characters, slashes or backslashes, or that is no Unicode,
    is unusable.
    """
    everything = list(listing)
    matching = []
    for file in everything:
        captured = _captured(file.name, table)
        if captured is not None:
            matching.append(replace(file, captured=captured))
    usable = [file for file in matching if is_usable(file.name)]
    unusable = sorted(ascii(file.name)[1:-1] for file in matching if not is_usable(file.name))
    usable.sort(key=lambda file: (file.mtime_ns, file.name))
    marker = table.meta.ready_marker
    if not marker:
        return TableListing(tuple(usable), (), tuple(unusable))
    names = {file.name for file in everything}
    markers = {marker.replace("{name}", name) for name in names}
    usable = [file for file in usable if file.name not in markers]
    ready = [file for file in usable if marker.replace("{name}", file.name) in names]
    unready = [file for file in usable if marker.replace("{name}", file.name) not in names]
    return TableListing(tuple(ready), tuple(unready), tuple(unusable))


def settled(
    store: FileStore, before: Sequence[FoundFile]
) -> tuple[list[FoundFile], list[FoundFile]]:
    """Look a second time at files that were found.

    Args:
        store: in which they were found.
        before: the first look, some time ago.

    Returns:
        Those whose size and time did not change, and those that changed or went away.
    """
    now = store.look(before)
    resting = [file for file in before if now.get(file.name) == (file.size, file.mtime_ns)]
    moving = [file for file in before if now.get(file.name) != (file.size, file.mtime_ns)]
    return resting, moving


def is_usable(name: str) -> bool:
    """Whether a name shows itself as it is, and names something in its folder."""
    return name.isprintable() and not _SEPARATORS & set(name) and name not in ("", ".", "..")


def change_of(found: FoundFile, now: tuple[int, int] | None) -> str | None:
    """What happened to a file since it was found, in words; None if nothing did."""
    if now == (found.size, found.mtime_ns):
        return None
    return "is gone" if now is None else f"changed ({found.size} bytes then, {now[0]} now)"


def _captured(name: str, table: Table) -> dict[str, str] | None:
    hidden = name.startswith(".") and not _SEPARATORS & set(name)
    if hidden or name.lower().endswith(UNFINISHED_SUFFIXES):
        return None
    if table.meta.pattern:
        return {} if fnmatchcase(name, table.meta.pattern) else None
    match = re.fullmatch(table.meta.regex or "", name)
    return match.groupdict(default="") if match else None
