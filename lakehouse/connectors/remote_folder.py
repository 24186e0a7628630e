"""Deliveries behind an fsspec URL, such as `s3://bucket/folder`."""

import errno
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, HTTPClientError  # type: ignore[import-untyped]
from botocore.exceptions import ConnectionError as BotoConnectionError
from fsspec import AbstractFileSystem
from fsspec.callbacks import Callback
from fsspec.core import url_to_fs

from lakehouse.connectors.download_ahead import OnBytes, WantedFile, download_ahead
from lakehouse.connectors.file_store import FetchedFile, FoundFile, OnWait, change_of
from lakehouse.errors import (
    DeliveryMoving,
    LandingFolderMissing,
    RemoteFolderRefused,
    RemoteFolderUnavailable,
)
from lakehouse.source_catalog import Table

CONNECTIONS = 8
NANOSECONDS = 1_000_000_000
_TIMES = ("LastModified", "mtime", "modified", "last_modified", "updated", "created")
_LOGIN = re.compile(r"://[^/]*@")
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_AT_FAULT = (errno.EINVAL, errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENAMETOOLONG)


@dataclass
class RemoteFolder:
    """A `FileStore` behind a URL; times of files have whole seconds.

    Attributes:
        url: of the folder.
        options: of its fsspec file system, with secrets.
        block: name of the block, for messages.
    """

    url: str = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)
    block: str

    def __str__(self) -> str:
        return _LOGIN.sub("://", self.url.partition("?")[0])

    def listing(self, table: Table) -> list[FoundFile]:
        """See `FileStore.listing`.

        Raises:
            LandingFolderMissing: there is no such bucket or folder.
            RemoteFolderRefused: credentials, URL or options are not accepted.
            RemoteFolderUnavailable: no answer now.
        """
        try:
            return self._listing()
        except (FileNotFoundError, NotADirectoryError):
            raise LandingFolderMissing(
                f"{table.full_name}: there is no folder {self}. Check path in the block "
                f"{table.block}."
            ) from None

    def look(self, files: Sequence[FoundFile]) -> Mapping[str, tuple[int, int]]:
        """See `FileStore.look`."""
        wanted = {file.name for file in files}
        try:
            found = self._listing()
        except FileNotFoundError:
            return {}
        return {file.name: (file.size, file.mtime_ns) for file in found if file.name in wanted}

    def local_file(self, found: FoundFile) -> None:
        """See `FileStore.local_file`."""

    def fetch(
        self, files: Sequence[FoundFile], scratch: Path, on_wait: OnWait
    ) -> Generator[FetchedFile, None, None]:
        """See `FileStore.fetch`."""
        return download_ahead(
            files, scratch, on_wait, lambda: _RemoteFetcher(self), connections=CONNECTIONS
        )

    def set_aside(self, found: FoundFile) -> str | None:
        """Refused: objects are not renamed, but copied and deleted.

        Raises:
            RemoteFolderRefused: always.
        """
        raise RemoteFolderRefused(
            f"{found.name} in {self} cannot be moved: after_load: move is for local folders."
        )

    def close(self) -> None:
        """See `FileStore.close`; fsspec keeps its connections for the next one."""

    def status(self, found: FoundFile) -> tuple[int, int] | None:
        """Size and mtime_ns of a file as they are now; None if it is gone."""
        with self._asked() as files:
            files.invalidate_cache()
            try:
                return self._status(files.info(self.path_of(found)))
            except FileNotFoundError:
                return None

    def download(self, found: FoundFile, target: Path, on_bytes: OnBytes) -> None:
        """Write a file's content to `target`.

        Raises:
            FileNotFoundError: it is gone.
            OSError: the disk is full.
        """
        with self._asked() as files:
            files.get_file(self.path_of(found), str(target), callback=_Counted(on_bytes))

    def path_of(self, found: FoundFile) -> str:
        """The file as its file system names it."""
        return f"{self._place[1].rstrip('/')}/{found.name}"

    @cached_property
    def _place(self) -> tuple[AbstractFileSystem, str]:
        try:
            files, path = url_to_fs(self.url, **self.options)
        except (ImportError, ValueError, TypeError) as error:
            raise RemoteFolderRefused(
                f"{self} cannot be opened ({type(error).__name__}). Check path and "
                f"storage_options in the block {self.block}; some kinds of URL need a package of "
                "their own."
            ) from None
        return files, str(path)

    @contextmanager
    def _asked(self) -> Iterator[AbstractFileSystem]:
        """The file system, with its errors told apart; one that is missing passes as it is."""
        files, _ = self._place
        advice = f"Check credentials and storage_options in the block {self.block}."
        try:
            yield files
        except (FileNotFoundError, NotADirectoryError):
            raise
        except (HTTPClientError, BotoConnectionError) as error:
            raise RemoteFolderUnavailable(f"{self} does not answer ({_said(error)}).") from error
        except (TypeError, ValueError) as error:
            # Options are taken when the first question is asked; their errors may show values.
            raise RemoteFolderRefused(
                f"{self} cannot be asked with these options ({type(error).__name__}). {advice}"
            ) from None
        except BotoCoreError as error:
            raise RemoteFolderRefused(
                f"{self} cannot be asked ({_said(error)}). {advice}"
            ) from None
        except OSError as error:
            if error.errno in _DISK_FULL:
                raise
            if isinstance(error, PermissionError) or error.errno in _AT_FAULT:
                raise RemoteFolderRefused(f"{self} refuses ({_said(error)}). {advice}") from None
            raise RemoteFolderUnavailable(f"{self} does not answer ({_said(error)}).") from error

    def _listing(self) -> list[FoundFile]:
        with self._asked() as files:
            files.invalidate_cache()
            entries = files.ls(self._place[1], detail=True)
        found = ((str(entry["name"]).rpartition("/")[2], self._status(entry)) for entry in entries)
        return [FoundFile(name, *status) for name, status in found if name and status]

    def _status(self, entry: Mapping[str, Any]) -> tuple[int, int] | None:
        if entry.get("type") != "file" or entry.get("islink"):
            return None
        if entry.get("size") is None:
            raise RemoteFolderRefused(
                f"{self} does not say how large its files are, so that whole ones could not be "
                "told from those still being sent. Take them another way."
            )
        told = next((entry[key] for key in _TIMES if entry.get(key) is not None), None)
        if told is None:
            raise RemoteFolderRefused(
                f"{self} does not say when its files changed, so that corrected ones could not be "
                "told. Take them another way."
            )
        return int(entry["size"]), _whole_seconds(told) * NANOSECONDS


class _RemoteFetcher:
    """Downloads of one thread; the file system is shared by all."""

    def __init__(self, store: RemoteFolder) -> None:
        self._store = store

    def fetch(self, files: Sequence[WantedFile], on_bytes: OnBytes) -> list[Exception | None]:
        return [self._fetch(wanted, on_bytes) for wanted in files]

    def close(self) -> None:
        """Nothing is held."""

    def _fetch(self, wanted: WantedFile, on_bytes: OnBytes) -> Exception | None:
        found = wanted.found
        try:
            self._store.download(found, wanted.target, on_bytes)
            now = self._store.status(found)
        except FileNotFoundError:
            return DeliveryMoving(f"{found.name} is gone since it was listed.")
        except RemoteFolderRefused as refusal:
            return refusal
        what = change_of(found, now)
        received = wanted.target.stat().st_size
        if what is None and received != found.size:
            what = f"has {found.size} bytes, of which {received} could be read,"
        if what is None:
            return None
        return DeliveryMoving(
            f"{found.name} {what} while it was downloaded: its sender is not done yet."
        )


class _Counted(Callback):  # type: ignore[misc]
    """Hands on how many bytes arrived."""

    def __init__(self, on_bytes: OnBytes) -> None:
        super().__init__()
        self._on_bytes = on_bytes

    def relative_update(self, inc: int = 1) -> None:
        self._on_bytes(inc)


def _whole_seconds(told: object) -> int:
    if isinstance(told, str):
        told = datetime.fromisoformat(told)
    if isinstance(told, datetime):
        return int((told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp())
    return int(float(str(told)))


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0].rstrip(". ")[:200]
