"""Pages in a folder or bucket, by any URL that fsspec opens.

Which content lies there is noted in `.pages.json` of each folder, last, so that what was cut short
is copied again. A bucket knows no transaction: readers may see pages of two runs for a moment.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import fsspec
from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
from pydantic import SecretStr

from lakehouse.errors import PagesNotStored, SettingsInvalid
from lakehouse.reports.page_store.pages import (
    Page,
    PagesStored,
    folder_prefix,
    is_page,
    pages_in,
)

_INDEX = ".pages.json"
# They have no folders: making one would make a bucket that is missing, or named wrongly.
_BUCKETS = frozenset(("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss"))


class BucketPages:
    """Reads and stores pages below one fsspec URL."""

    def __init__(self, url: SecretStr) -> None:
        """Open the file system of a URL.

        Raises:
            SettingsInvalid: fsspec knows no such file system.
        """
        try:
            # Its own: a transaction of fsspec belongs to the file system, not to the thread.
            self._fs, root = fsspec.core.url_to_fs(url.get_secret_value(), skip_instance_cache=True)
        except (ValueError, ImportError, OSError) as error:
            raise SettingsInvalid(
                f"ALJIBE_REPORTS_TARGET cannot be opened: {type(error).__name__}. It is an fsspec "
                "URL such as s3://bucket/reports or file:///srv/reports."
            ) from None
        self._root = str(root).rstrip("/")

    def store(self, folder: Path, domain: str | None) -> PagesStored:
        """See `PageStore`; each page changes as a whole, the first ones are led to by the last."""
        with self._explained("stored in"):
            prefixes = [folder_prefix(domain), ""] if domain is not None else [""]
            noted = {prefix: self._noted(prefix) for prefix in prefixes}
            there = {path for prefix in prefixes for path in self._there(prefix)}
            held: dict[str, str] = {}
            written = 0
            for path, file in pages_in(folder, domain):
                page = Page.of(file.read_bytes())
                held[path] = page.sha256
                if noted[_folder(path)].get(path) != page.sha256 or path not in there:
                    self._put(path, page.content)
                    written += 1
            gone = sorted(path for path in there - set(held) if "/" in path)
            for path in gone:
                self._fs.rm_file(f"{self._root}/{path}")
            for prefix in prefixes:
                own = {path: sha for path, sha in held.items() if _folder(path) == prefix}
                if own != noted[prefix]:
                    self._put(f"{prefix}{_INDEX}", json.dumps(own, sort_keys=True).encode())
        return PagesStored(written, len(held) - written, len(gone))

    def read(self, path: str) -> Page | None:
        """See `PageReader`."""
        if not is_page(path):
            return None
        with self._explained("read from"):
            try:
                return Page.of(self._fs.cat_file(f"{self._root}/{path}"))
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def paths(self, domain: str) -> list[str]:
        """See `PageReader`."""
        with self._explained("read from"):
            return sorted(self._there(folder_prefix(domain)))

    def _there(self, prefix: str) -> set[str]:
        place = f"{self._root}/{prefix}".rstrip("/")
        self._fs.invalidate_cache()
        try:
            listed = self._fs.find(place, maxdepth=None if prefix else 1)
        except FileNotFoundError:
            return set()
        found = {str(one).removeprefix(f"{self._root}/") for one in listed}
        return {path for path in found if is_page(path) and path.startswith(prefix)}

    def _noted(self, prefix: str) -> dict[str, str]:
        with suppress(FileNotFoundError, NotADirectoryError, ValueError, AttributeError):
            content = json.loads(self._fs.cat_file(f"{self._root}/{prefix}{_INDEX}"))
            return {str(path): str(sha) for path, sha in content.items()}
        return {}

    def _put(self, path: str, content: bytes) -> None:
        place = f"{self._root}/{path}"
        if _scheme(self._fs) in _BUCKETS:
            self._fs.pipe_file(place, content)
            return
        self._fs.makedirs(place.rpartition("/")[0], exist_ok=True)
        # On a disk, a file of a transaction is written beside its place and then moved there.
        with self._fs.transaction, self._fs.open(place, "wb") as file:
            file.write(content)

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, BotoCoreError) as error:
            # The words of a client may quote its key; an operating system's do not.
            words = error.strerror if isinstance(error, OSError) else None
            raise PagesNotStored(
                f"The pages could not be {what} ALJIBE_REPORTS_TARGET ({_scheme(self._fs)}): "
                f"{words or type(error).__name__}. Check the address, its credentials and the disk."
            ) from error


def _scheme(fs: Any) -> str:
    return fs.protocol if isinstance(fs.protocol, str) else str(fs.protocol[0])


def _folder(path: str) -> str:
    first, slash, _ = path.partition("/")
    return f"{first}/" if slash else ""
