"""Files of the pages: each whole or not at all, and written only where its content is new."""

import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_TEMPORARY = ".tmp"
# Another run may be writing into the same folder: only what nobody can be writing any more goes.
_ABANDONED_SECONDS = 3600


@dataclass
class PageFiles:
    """Writes below one folder and counts what became of it.

    Attributes:
        folder: all paths are relative to it; nothing is written outside.
    """

    folder: Path
    written: int = 0
    unchanged: int = 0
    removed: int = 0
    _kept: set[Path] = field(default_factory=set)
    _safe: set[Path] = field(default_factory=set)

    def write(self, relative: str, content: str | bytes) -> Path:
        """Put content at a path, unless it lies there already.

        Raises:
            OSError: it could not be written, such as on a full disk; what lay there stays.
            ValueError: the path leads out of the folder.
        """
        path = self._inside(relative)
        data = content.encode() if isinstance(content, str) else content
        self._kept.add(path)
        if _content_of(path) == data:
            self.unchanged += 1
        else:
            _replace(path, data)
            self.written += 1
        return path

    def remove_others(self, subfolders: Iterable[str], suffix: str = ".html") -> None:
        """Remove files of this suffix that were not written, and what a killed run left."""
        for subfolder in subfolders:
            for path in self._inside(subfolder).glob("*"):
                if path.suffix == suffix and path not in self._kept:
                    path.unlink(missing_ok=True)
                    self.removed += 1
            remove_abandoned(self._inside(subfolder))

    def _inside(self, relative: str) -> Path:
        path = self.folder / relative
        place = path.parent
        if place not in self._safe:
            if ".." in path.parts or not place.resolve().is_relative_to(self.folder.resolve()):
                raise ValueError(f"{relative!r} leads out of the folder of the pages")
            self._safe.add(place)
        return path


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files of runs that were killed long ago."""
    for path in folder.glob(f".*{_TEMPORARY}"):
        try:
            is_abandoned = time.time() - path.stat().st_mtime > _ABANDONED_SECONDS
        except FileNotFoundError:
            continue
        if is_abandoned:
            path.unlink(missing_ok=True)


def _content_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{uuid.uuid4().hex}{_TEMPORARY}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        why = f"The page could not be written: {error.strerror or error}"
        raise OSError(error.errno or 0, why, str(path)) from error
