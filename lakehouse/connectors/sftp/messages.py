"""Messages of SFTP version 3: numbers of their kinds, strings, attributes, refusals.

Format: draft-ietf-secsh-filexfer-02.
"""

import stat
import struct
from dataclasses import dataclass

from paramiko import Message

INIT, VERSION, OPEN, CLOSE, READ, LSTAT, OPENDIR, READDIR = 1, 2, 3, 4, 5, 7, 11, 12
STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED, EXTENDED_REPLY = 101, 102, 103, 104, 105, 200, 201
EOF, NO_SUCH_FILE, PERMISSION_DENIED = 1, 2, 3
PROTOCOL_VERSION = 3
OPEN_FOR_READING = 1
HAS_SIZE, HAS_OWNER, HAS_MODE, HAS_TIMES, HAS_MORE = 1, 2, 4, 8, 0x80000000

NANOSECONDS = 1_000_000_000


class SftpRefusal(Exception):
    """The server answered a request with a status that is no success."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class RemoteStatus:
    """Attributes of a remote file; None for what the server did not say.

    Attributes:
        size: bytes.
        mode: type and permissions as in `st_mode`.
        mtime: whole seconds since 1970 UTC.
    """

    size: int | None
    mode: int | None
    mtime: int | None


def regular_file(status: RemoteStatus | None) -> tuple[int, int] | None:
    """Size and mtime_ns of a regular file; None for anything else, or where they are not said."""
    if status is None or status.size is None or status.mtime is None or status.mode is None:
        return None
    return (status.size, status.mtime * NANOSECONDS) if stat.S_ISREG(status.mode) else None


def string(value: bytes) -> bytes:
    """Bytes with their length before them."""
    return struct.pack(">I", len(value)) + value


def encoded(path: str) -> bytes:
    """A path as the server gave its names."""
    return path.encode("utf-8", "surrogateescape")


def attributes(body: Message) -> RemoteStatus:
    """Take attributes off a message."""
    flags = body.get_int()
    size = body.get_int64() if flags & HAS_SIZE else None
    if flags & HAS_OWNER:
        body.get_int()
        body.get_int()
    mode = body.get_int() if flags & HAS_MODE else None
    mtime = None
    if flags & HAS_TIMES:
        body.get_int()
        mtime = body.get_int()
    for _ in range(body.get_int() if flags & HAS_MORE else 0):
        body.get_string()
        body.get_string()
    return RemoteStatus(size, mode, mtime)


def shown(text: bytes) -> str:
    """What a server says, fit for a message."""
    return "".join(c for c in text.decode("utf-8", "replace")[:200] if c.isprintable())
