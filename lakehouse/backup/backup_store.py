"""Where backups lie: a folder of this machine, or an fsspec URL such as `s3://bucket/folder`.

`objects/ab/<sha256>` holds contents under their own hash, so that a name says whether its content
is there and whole; `backups/<id>.json` says what a backup consists of.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, HTTPClientError  # type: ignore[import-untyped]
from botocore.exceptions import ConnectionError as BotoConnectionError
from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from lakehouse.errors import BackupDamaged, BackupRefused, BackupUnavailable
from lakehouse.lake.duckdb_session import resources_suffice
from lakehouse.lake.durable_files import make_folder, publish_file, sync

_LOGIN = re.compile(r"://[^/]*@")
# A put is whole or not there, and a rename would be a copy.
_OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl"}
_CHUNK = 1 << 20


class BackupStore:
    """Reads and writes of a place of backups; safe for several threads.

    Args:
        url: absolute or relative folder, or fsspec URL; credentials come from the environment.

    Raises:
        BackupRefused: the URL cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self.shown = _LOGIN.sub("://", url.partition("?")[0])
        try:
            # Listings of others' writes must be seen, so that none is kept.
            self._files: AbstractFileSystem
            self._files, root = url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError, TypeError) as error:
            raise BackupRefused(
                f"The backup at {self.shown} cannot be opened ({type(error).__name__}). Give a "
                "folder, or a URL such as s3://bucket/folder; some kinds need a package of their "
                "own."
            ) from None
        self._is_local = isinstance(self._files, LocalFileSystem)
        protocols = self._files.protocol
        names = {protocols} if isinstance(protocols, str) else set(protocols)
        self._puts_whole = bool(names & _OBJECT_STORES)
        self._root = str(root).rstrip("/")

    def sizes_of_objects(self) -> dict[str, int]:
        """Bytes of every object, by its hash; some 150 bytes of memory for each."""
        with self._asked():
            try:
                found = self._files.find(f"{self._root}/objects", detail=True)
            except FileNotFoundError:
                if self._puts_whole:
                    raise self._not_there() from None
                return {}
        return {
            name: int(entry["size"])
            for path, entry in found.items()
            if len(name := str(path).rpartition("/")[2]) == 64
        }

    def put_object(self, file: Path, sha256: str) -> None:
        """Store a file under its hash, durably; a size that differs afterwards raises.

        Raises:
            BackupDamaged: the store holds another size than was sent.
        """
        self._put(file, object_name(sha256))

    def size_of(self, sha256: str) -> int | None:
        """Bytes of an object; None if it is not there."""
        return self._size(object_name(sha256))

    def fetch(self, sha256: str, target: Path | None) -> int:
        """Read an object and check it against its name.

        Args:
            sha256: of the object.
            target: where it is written and synced; None only checks it.

        Returns:
            Its bytes.

        Raises:
            BackupDamaged: it is missing, or its content is another.
        """
        digest, size = hashlib.sha256(), 0
        try:
            with (
                self._asked(),
                self._files.open(self._path(object_name(sha256)), "rb") as source,
                resources_suffice(f"restoring {target}"),
            ):
                output = target.open("wb") if target else None
                try:
                    while chunk := source.read(_CHUNK):
                        digest.update(chunk)
                        size += len(chunk)
                        if output:
                            output.write(chunk)
                finally:
                    if output:
                        output.close()
        except FileNotFoundError:
            raise BackupDamaged(
                f"{self.shown}: {object_name(sha256)} is missing from the backup."
            ) from None
        if digest.hexdigest() != sha256:
            raise BackupDamaged(
                f"{self.shown}: {object_name(sha256)} has another content than its name says: it "
                "was damaged where it lies. Remove it, and back up again while RAW is whole."
            )
        if target:
            sync(target)
        return size

    def put_named(self, file: Path, name: str) -> None:
        """Store a file under a name, whole or not at all."""
        self._put(file, name)

    def read_named(self, name: str) -> bytes:
        """Read a small file.

        Raises:
            FileNotFoundError: there is none.
        """
        with self._asked():
            content: bytes = self._files.cat_file(self._path(name))
        return content

    def names_in(self, folder: str) -> list[str]:
        """Names of the files directly in a folder, sorted; empty if there is no such folder."""
        with self._asked():
            try:
                entries = self._files.ls(self._path(folder), detail=False)
            except FileNotFoundError:
                return []
        return sorted(str(entry).rstrip("/").rpartition("/")[2] for entry in entries)

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        with self._asked():
            try:
                self._files.rm_file(self._path(name))
            except FileNotFoundError:
                return

    def _put(self, file: Path, name: str) -> None:
        try:
            with self._asked(), resources_suffice(f"backing up to {self.shown}"):
                self._put_whole(file, self._path(name))
        except FileNotFoundError:
            if not file.is_file():
                raise
            raise self._not_there() from None
        sent, stored = file.stat().st_size, self._size(name)
        if stored != sent:
            raise BackupDamaged(
                f"{self.shown}: {name} has {stored} bytes after {sent} were sent. Run the backup "
                "again; if it happens again, look at the store."
            )

    def _put_whole(self, file: Path, final: str) -> None:
        if self._is_local:
            self._put_local(file, Path(final))
        elif self._puts_whole:
            self._files.put_file(str(file), final)
        else:
            part = f"{final}.{uuid.uuid4().hex}.part"
            self._files.makedirs(final.rpartition("/")[0], exist_ok=True)
            self._files.put_file(str(file), part)
            self._files.mv(part, final)

    def _put_local(self, file: Path, final: Path) -> None:
        make_folder(final.parent)
        part = final.with_name(f"{final.name}.{uuid.uuid4().hex}.part")
        try:
            self._files.put_file(str(file), str(part))
            sync(part)
            publish_file(part, final)
        finally:
            part.unlink(missing_ok=True)

    def _not_there(self) -> BackupRefused:
        return BackupRefused(f"{self.shown} is not there: make the bucket or folder first.")

    def _size(self, name: str) -> int | None:
        with self._asked():
            try:
                size: Any = self._files.info(self._path(name)).get("size")
            except FileNotFoundError:
                return None
        return int(size)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Tell the errors of the store apart; a missing file passes as it is."""
        try:
            yield
        except FileNotFoundError:
            raise
        except (HTTPClientError, BotoConnectionError, ConnectionError, TimeoutError) as error:
            raise BackupUnavailable(f"{self.shown} does not answer ({_said(error)}).") from error
        except (BotoCoreError, PermissionError, NotADirectoryError, IsADirectoryError) as error:
            raise BackupRefused(
                f"{self.shown} refuses ({_said(error)}). Check the place, its rights and the "
                "credentials in the environment."
            ) from None


def object_name(sha256: str) -> str:
    """Where a content lies, relative to the place of the backups."""
    return f"objects/{sha256[:2]}/{sha256}"


def hash_of(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0].rstrip(". ")[:200]
