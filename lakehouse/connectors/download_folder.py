"""A scratch folder for one run's downloads, which no other run touches while it lives."""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def download_parent(scratch: Path, source: str, table: str) -> Path:
    """Folder below `scratch` for the downloads of a table; no load's own scratch is in it."""
    return scratch / "downloads" / f"{source}.{table}"


@contextmanager
def download_folder(parent: Path) -> Iterator[Path]:
    """Make a folder of our own in `parent`, remove those of dead runs, and ours at the end.

    The kernel's `flock` on a folder says that its run lives; it ends with the process. `parent`
    itself is locked while folders come and go, and is never removed.
    """
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / uuid.uuid4().hex
    with _locked(parent):
        _remove_dead(parent)
        folder.mkdir()
        alive = _open_folder(folder)
        fcntl.flock(alive, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(alive)


def _remove_dead(parent: Path) -> None:
    for path in parent.glob("[0-9a-f]" * 32):
        descriptor = _open_folder(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(descriptor)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = _open_folder(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open_folder(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
