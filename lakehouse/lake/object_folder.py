"""A prefix of a bucket: whole files put, listed, read and removed, and the faults of the store."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lakehouse.aws_access import aws_endpoint, aws_region
from lakehouse.errors import LakeRefused, LakeUnavailable

# Of a large file this much is in memory at once: four parts of it are on their way.
_PART_BYTES, _PARTS_AT_ONCE = 8 * 2**20, 4
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class StoredObject:
    """What a store says of an object: bytes, when it was put (UTC), and a mark of its content."""

    size: int
    modified: datetime
    etag: str


class ObjectFolder:
    """Objects below one `s3://bucket/prefix`; safe for several threads.

    Args:
        url: without credentials, which come from the standard AWS variables, files or roles.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._opened: Any = None

    def url_of(self, name: str) -> str:
        """Full URL of an object."""
        return f"{self.url}/{name}"

    def put(self, file: Path, name: str) -> None:
        """Send a file; under its name it appears whole or not at all.

        Raises:
            LakeUnavailable: the store does not answer, or has another size than was sent.
            LakeRefused: it does not take the file.
        """
        size = file.stat().st_size
        with self._asked(f"{self.url_of(name)} cannot be written"):
            try:
                self._files.put_file(
                    str(file),
                    self._path(name),
                    chunksize=_PART_BYTES,
                    max_concurrency=_PARTS_AT_ONCE,
                )
            except FileNotFoundError:
                raise self._no_bucket() from None
        if (stored := self.size_of(name)) != size:
            raise LakeUnavailable(
                f"{self.url_of(name)} has {stored} bytes after {size} were sent. Run again."
            )

    def size_of(self, name: str) -> int | None:
        """Bytes of an object; None if there is none."""
        found = self.look(name)
        return found.size if found else None

    def look(self, name: str) -> StoredObject | None:
        """What the store says of an object; None if there is none."""
        with self._asked(f"{self.url_of(name)} cannot be looked at"):
            try:
                found = self._files.info(self._path(name), refresh=True)
            except FileNotFoundError:
                return None
        return _stored(found) if found["type"] == "file" else None

    def listing(self, prefix: str = "") -> dict[str, StoredObject]:
        """Every object below a folder of names, by its name; one request for each thousand.

        Raises:
            LakeUnavailable, LakeRefused: see `put`.
        """
        place = self._path(prefix).rstrip("/")
        with self._asked(f"{self.url_of(prefix)} cannot be listed"):
            try:
                found = self._files.find(place, detail=True, refresh=True)
            except FileNotFoundError:
                raise self._no_bucket() from None
        start = len(self._path(""))
        return {str(path)[start:]: _stored(entry) for path, entry in found.items()}

    def fetch(self, name: str, target: Path) -> None:
        """Copy an object to a file; what is there is overwritten.

        Raises:
            FileNotFoundError: there is no such object.
        """
        with self._asked(f"{self.url_of(name)} cannot be read"):
            self._files.get_file(self._path(name), str(target))

    def read(self, name: str) -> bytes:
        """Read a small object.

        Raises:
            FileNotFoundError: there is none.
        """
        with self._asked(f"{self.url_of(name)} cannot be read"):
            content: bytes = self._files.cat_file(self._path(name))
        return content

    def chunks(self, name: str, size: int = 2**20) -> Iterator[bytes]:
        """Read an object piece by piece.

        Raises:
            FileNotFoundError: there is none.
        """
        with (
            self._asked(f"{self.url_of(name)} cannot be read"),
            self._files.open(self._path(name), "rb", block_size=8 * size) as content,
        ):
            while piece := content.read(size):
                yield piece

    def remove(self, name: str) -> None:
        """Remove an object; without one there is nothing to do."""
        with self._asked(f"{self.url_of(name)} cannot be removed"):
            try:
                self._files.rm_file(self._path(name))
            except FileNotFoundError:
                return

    @property
    def _files(self) -> Any:
        # Late: a process may fork before its first use, and a lake in a folder needs no client.
        if self._opened is None:
            from s3fs import S3FileSystem  # type: ignore[import-untyped]  # noqa: PLC0415

            region = aws_region()
            # One client for all that say the same: making it takes a third of a second.
            self._opened = S3FileSystem(
                endpoint_url=aws_endpoint(),
                use_listings_cache=False,
                client_kwargs={"region_name": region} if region else {},
            )
        return self._opened

    def _no_bucket(self) -> LakeRefused:
        return LakeRefused(f"{self.url} is not there: make the bucket first.")

    def _path(self, name: str) -> str:
        return f"{self.url.removeprefix('s3://')}/{name}"

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        """Tell the faults of the store apart; a missing object passes as it is."""
        from botocore.exceptions import (  # type: ignore[import-untyped]  # noqa: PLC0415
            BotoCoreError,
            HTTPClientError,
        )
        from botocore.exceptions import (  # noqa: PLC0415
            ConnectionError as BotoConnectionError,
        )

        try:
            yield
        except FileNotFoundError:
            raise
        except (HTTPClientError, BotoConnectionError, ConnectionError, TimeoutError) as error:
            raise LakeUnavailable(f"{what}: {_said(error)}. Run again later.") from None
        except (BotoCoreError, PermissionError, NotADirectoryError, IsADirectoryError) as error:
            raise LakeRefused(
                f"{what}: {_said(error)}. Check ALJIBE_RAW_URL, AWS_ENDPOINT_URL, AWS_REGION, the "
                "credentials and their rights."
            ) from None
        except OSError as error:
            if error.errno in _DISK_FULL:
                raise
            raise LakeUnavailable(f"{what}: {_said(error)}. Run again later.") from None


def _stored(entry: Any) -> StoredObject:
    return StoredObject(int(entry["size"]), entry["LastModified"], str(entry.get("ETag", "")))


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0].rstrip(". ")[:200]
