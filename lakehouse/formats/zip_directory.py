"""The directory of a zip file, judged before anything in it is unpacked.

Nothing is ever written under a member's name, but a name that would climb out of a folder, or an
archive that contradicts itself, says enough about its sender to take none of it.
"""

import re
import stat
import struct
import zipfile
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from lakehouse.errors import DeliveryRefused

MOST_MEMBERS = 10_000
MOST_PARTS = 1_000
_MOST_DIRECTORY_BYTES = 16 << 20
_LONGEST_END = 22 + 65_535
_DRIVE = re.compile(r"[A-Za-z]:")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_LOCAL_HEADER_BYTES = 30


def members_to_load(archive: zipfile.ZipFile, pattern: str, where: str) -> list[zipfile.ZipInfo]:
    """Members whose whole name matches, in their order; what macOS adds of its own is left out.

    Args:
        archive: opened.
        pattern: glob over the whole member name.
        where: table and file, for messages.

    Raises:
        DeliveryRefused: the directory is unsafe, nothing matches, or what does is unreadable.
    """
    members = archive.infolist()
    _refuse_unsafe(members, where)
    files = [member for member in members if not member.is_dir() and not _is_litter(member)]
    chosen = [member for member in files if fnmatchcase(member.filename, pattern)]
    if not chosen:
        there = ", ".join(_shown(member) for member in files[:20]) or "no files"
        raise DeliveryRefused(
            f"{where}: no member is named like {pattern}; there are {there}. Correct the archive, "
            "or member."
        )
    if len(chosen) > MOST_PARTS:
        raise DeliveryRefused(
            f"{where}: {len(chosen)} members are named like {pattern}, more than {MOST_PARTS}. "
            "Ask for several archives."
        )
    for member in chosen:
        if member.flag_bits & _ENCRYPTED:
            raise DeliveryRefused(
                f"{where}: {_shown(member)} is encrypted. Ask for it without a password, over an "
                "encrypted connection."
            )
        if member.compress_type not in _METHODS:
            raise DeliveryRefused(
                f"{where}: {_shown(member)} is packed by method {member.compress_type}; only "
                "stored and deflated members are read. Ask for another kind of zip."
            )
    return chosen


def refuse_large_directory(file: Path, where: str) -> None:
    """Look at the end of a zip file before its directory is read into memory.

    The layout is that of APPNOTE.TXT 6.3.10, sections 4.3.14 to 4.3.16.

    Raises:
        DeliveryRefused: there is no directory, or one of more than 16 MiB.
    """
    with file.open("rb") as archive:
        archive.seek(max(0, file.stat().st_size - _LONGEST_END - 20))
        tail = archive.read()
        place = len(tail) - 22
        if place < 0 or tail[place : place + 4] != b"PK\5\6" or tail[-2:] != b"\0\0":
            place = tail.rfind(b"PK\5\6")
        if place < 0 or len(tail) - place < 22:
            raise DeliveryRefused(f"{where} is cut off, or no zip file. Ask for it again.")
        count, size = struct.unpack_from("<HI", tail, place + 10)
        if (count == 0xFFFF or size == 0xFFFFFFFF) and tail[place - 20 : place - 16] == b"PK\6\7":
            (start,) = struct.unpack_from("<Q", tail, place - 12)
            archive.seek(min(start, file.stat().st_size))
            record = archive.read(56)
            if len(record) == 56:
                count, size = struct.unpack_from("<QQ", record, 32)
    if count > MOST_MEMBERS or size > _MOST_DIRECTORY_BYTES:
        raise DeliveryRefused(
            f"{where}: it says that it has {count} members in a directory of {size} bytes; at most "
            f"{MOST_MEMBERS} are read. Ask for several archives."
        )


def _refuse_unsafe(members: Sequence[zipfile.ZipInfo], where: str) -> None:
    names = [member.orig_filename for member in members]
    fault = next(filter(None, map(_name_fault, members)), None)
    if len(members) > MOST_MEMBERS:
        fault = f"it has {len(members)} members, more than {MOST_MEMBERS}"
    elif len(set(names)) < len(names):
        doubled = next(member for member in members if names.count(member.orig_filename) > 1)
        fault = f"the member {_shown(doubled)} comes twice"
    elif not fault and (overlap := _overlap(members)):
        fault = f"the member {_shown(overlap)} lies over another one"
    if fault:
        raise DeliveryRefused(f"{where}: {fault}, so nothing of it is read. Ask who sent it.")


def _name_fault(member: zipfile.ZipInfo) -> str | None:
    name = member.orig_filename
    mode = member.external_attr >> 16
    if not name or any(ord(letter) < 32 or letter == "\x7f" for letter in name):
        return f"the member {_shown(member)} has no name, or one with control characters"
    if name.startswith("/") or "\\" in name or _DRIVE.match(name):
        return f"the member {_shown(member)} has a name with a drive, a backslash or a first slash"
    if ".." in name.split("/"):
        return f"the member {_shown(member)} has a name that leads out of its folder"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return f"the member {_shown(member)} is a link or a device, not a file"
    return None


def _overlap(members: Sequence[zipfile.ZipInfo]) -> zipfile.ZipInfo | None:
    """A member whose packed bytes begin before those of the one before it end."""
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            return member
        end = member.header_offset + _LOCAL_HEADER_BYTES + member.compress_size
    return None


def _is_litter(member: zipfile.ZipInfo) -> bool:
    name = member.filename
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] == ".DS_Store"


def _shown(member: zipfile.ZipInfo) -> str:
    return ascii(member.orig_filename[:200])
