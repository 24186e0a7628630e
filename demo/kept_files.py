"""Files that are written whole, and left alone where they would say the same again."""

import filecmp
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; `path` changes at the end, and only if the content did.

    A file that is written again is a new delivery for whoever watches it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.tmp")
    unfinished.unlink(missing_ok=True)
    yield unfinished
    if path.is_file() and filecmp.cmp(unfinished, path, shallow=False):
        unfinished.unlink()
    else:
        unfinished.replace(path)
