"""Files and folders that are still there after a power cut."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Put a file's content, or a folder's list of names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents, each durably known to the one above it."""
    missing = [folder]
    while not missing[-1].parent.is_dir():
        missing.append(missing[-1].parent)
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        sync(path.parent)


def publish_file(temporary: Path, final: Path) -> None:
    """Give a synced file its visible name, durably; replaces what had the name."""
    temporary.rename(final)
    sync(final.parent)
