"""Delivered files that are packed: `.gz` around one file, `.zip` around several.

What comes out is counted while it comes: what headers say of sizes is never believed.
"""

import gzip
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from lakehouse.errors import DeliveryRefused, ResourcesExhausted
from lakehouse.formats.zip_directory import members_to_load, refuse_large_directory
from lakehouse.source_catalog import Table

_CHUNK_BYTES = 1 << 20
_MOST_BYTES = 50_000_000_000
_MOST_RATIO = 200
# Below this any ratio is harmless.
_RATIO_FROM_BYTES = 100_000_000
_ROOM_BYTES = 256 << 20
_GZIP, _ZIP, _EMPTY_ZIP = b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"
_PACKED_FORMATS = ("xlsx", "parquet")

# What the standard library raises for a damaged archive.
_DAMAGE = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    UnicodeError,
    struct.error,
    OverflowError,
)

Packing = Literal["gz", "zip"]


@dataclass(frozen=True)
class UnpackedFile:
    """What was in a packed file; it is gone once the next one is asked for.

    Attributes:
        path: scratch file under a name of ours.
        member: its name in a zip file; None for gzip.
    """

    path: Path
    member: str | None


def packing_of(file: Path, table: Table, *, name: str) -> Packing | None:
    """How a file is packed, by its name and its first bytes.

    Args:
        file: as delivered.
        table: whose format may be a zip file of its own kind.
        name: under which it was delivered.

    Raises:
        DeliveryRefused: name and content contradict each other.
    """
    where = f"{table.full_name}, file {name}"
    named = _packing_named(name)
    found = _packing_found(file)
    if named == found or (named is None and table.meta.format in _PACKED_FORMATS):
        return named
    if not file.stat().st_size:
        raise DeliveryRefused(f"{where} is empty (0 bytes). Ask for it again.")
    if named is None:
        raise DeliveryRefused(
            f"{where} is packed ({found}), but not named so. Ask for it as {name}.{found}, and let "
            "the pattern say so."
        )
    raise DeliveryRefused(f"{where} is named .{named}, but is no {named} file. Ask for it again.")


def unpack(
    file: Path, packing: Packing, table: Table, work: Path, *, name: str
) -> Iterator[UnpackedFile]:
    """Unpack a file, member by member.

    Args:
        file: as delivered.
        packing: of it.
        table: with its format and the `member` pattern of zip files.
        work: existing folder for scratch files.
        name: under which it was delivered.

    Raises:
        DeliveryRefused: it is damaged, unsafe, far too large, holds another archive, or has no
            member that matches.
        ResourcesExhausted: the disk has no room for what is in it.
    """
    where = f"{table.full_name}, file {name}"
    target = work / "unpacked"
    unpacking = _Unpacking(file.stat().st_size, target, where)
    try:
        with _damage_shown(where):
            if packing == "gz":
                with gzip.open(file, "rb") as source:
                    unpacking.write(source, _inner_name(name), table)
                yield UnpackedFile(target, None)
                return
            refuse_large_directory(file, where)
            with zipfile.ZipFile(file) as archive:
                for member in members_to_load(archive, table.meta.file.member, where):
                    with archive.open(member) as source:
                        unpacking.write(source, member.filename, table)
                    yield UnpackedFile(target, member.filename)
    finally:
        target.unlink(missing_ok=True)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Unpacking:
    """Writes what comes out of one packed file, within bounds for all of it."""

    def __init__(self, packed_bytes: int, target: Path, where: str) -> None:
        self._packed_bytes = packed_bytes
        self._target = target
        self._where = where
        self._written = 0

    def write(self, source: _Readable, name: str, table: Table) -> None:
        with self._target.open("wb") as target:
            while chunk := source.read(_CHUNK_BYTES):
                self._count(len(chunk))
                target.write(chunk)
        is_inner = _packing_found(self._target) and table.meta.format not in _PACKED_FORMATS
        if is_inner or _packing_named(name):
            raise DeliveryRefused(
                f"{self._where}: {name!a} is packed once more; archives in archives are not "
                "opened. Ask for it packed once."
            )

    def _count(self, size: int) -> None:
        self._written += size
        ratio = self._written / max(1, self._packed_bytes)
        if self._written > _MOST_BYTES or (
            self._written > _RATIO_FROM_BYTES and ratio > _MOST_RATIO
        ):
            raise DeliveryRefused(
                f"{self._where}: its {self._packed_bytes} bytes become more than {self._written}, "
                f"which is beyond {_MOST_BYTES} bytes or {_MOST_RATIO} times its size. Ask who "
                "sent it; unpack it by hand if it is honest."
            )
        if self._written % (64 * _CHUNK_BYTES) < size:
            free = shutil.disk_usage(self._target.parent).free
            if free < _ROOM_BYTES:
                raise ResourcesExhausted(
                    f"{self._where}: {self._written} bytes are unpacked, and the disk has only "
                    f"{free} left. Free disk space."
                )


@contextmanager
def _damage_shown(where: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        cause = "a name that is not UTF-8" if isinstance(error, UnicodeError) else str(error)[:200]
        raise DeliveryRefused(
            f"{where} is cut off or damaged ({cause}). Ask for it again."
        ) from None


def _packing_named(name: str) -> Packing | None:
    folded = name.lower()
    return "gz" if folded.endswith(".gz") else "zip" if folded.endswith(".zip") else None


def _packing_found(file: Path) -> Packing | None:
    with file.open("rb") as content:
        start = content.read(4)
    if start[:2] == _GZIP:
        return "gz"
    return "zip" if start in (_ZIP, _EMPTY_ZIP) else None


def _inner_name(name: str) -> str:
    return name[: -len(".gz")]
