"""Reading by SFTP version 3 over an SSH channel, with many requests on their way at once.

Format: draft-ietf-secsh-filexfer-02 and OpenSSH's PROTOCOL file (`limits@openssh.com`).
paramiko's own client asks for one file after the other and cannot list names that are no UTF-8.
"""

import struct
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from paramiko import Message, SSHException

from lakehouse.connectors.sftp.messages import (
    ATTRS,
    CLOSE,
    DATA,
    EOF,
    EXTENDED,
    EXTENDED_REPLY,
    HANDLE,
    INIT,
    LSTAT,
    NAME,
    NO_SUCH_FILE,
    OPEN,
    OPEN_FOR_READING,
    OPENDIR,
    PROTOCOL_VERSION,
    READ,
    READDIR,
    STATUS,
    VERSION,
    RemoteStatus,
    SftpRefusal,
    attributes,
    encoded,
    shown,
    string,
)
from lakehouse.errors import RemoteFolderUnavailable

SAFE_READ_BYTES = 32 << 10
LARGEST_READ_BYTES = 255 << 10
LARGEST_PACKET_BYTES = 1 << 20
IN_FLIGHT_BYTES = 4 << 20
LISTINGS_IN_FLIGHT = 4
STATUSES_IN_FLIGHT = 64
RECEIVE_BYTES = 64 << 20


class ByteChannel(Protocol):
    """What of a `paramiko.Channel` is used."""

    def recv(self, nbytes: int) -> bytes:
        """Some bytes; none at the end; raises TimeoutError."""

    def sendall(self, s: bytes) -> None:
        """Send all of them."""


class SftpProtocol:
    """One SFTP session; requests are numbered, and answers may be taken in any order.

    Every method raises `RemoteFolderUnavailable` when the session ends or stays silent.
    """

    def __init__(self, channel: ByteChannel, server: str) -> None:
        """Begin the session on a channel whose subsystem is `sftp`; `server` is for messages."""
        self._channel = channel
        self._server = server
        self._received = memoryview(b"")
        self._unsent = bytearray()
        self._answers: dict[int, tuple[int, Message]] = {}
        self._last = 0
        self.read_bytes = SAFE_READ_BYTES
        self._greet()

    def entries(self, folder: str) -> Iterator[tuple[bytes, RemoteStatus]]:
        """Names in a folder as the server has them, and what is said about each.

        Raises:
            SftpRefusal: the folder cannot be opened or read.
        """
        handle = self._opened(self._ask(OPENDIR, string(encoded(folder))))
        asked = deque(self._ask(READDIR, handle) for _ in range(LISTINGS_IN_FLIGHT))
        ended: SftpRefusal | None = None
        while asked:
            try:
                body = self._answer(asked.popleft(), NAME)
            except SftpRefusal as refusal:
                ended = ended or refusal
                continue
            for _ in range(body.get_int()):
                name = body.get_string()
                body.get_string()
                yield name, attributes(body)
            if not ended:
                asked.append(self._ask(READDIR, handle))
        self._answer(self._ask(CLOSE, handle), STATUS)
        if ended and ended.code != EOF:
            raise ended

    def statuses(self, paths: Sequence[str]) -> list[RemoteStatus | None]:
        """Attributes of each path, of links themselves; None for those that are not there.

        Raises:
            SftpRefusal: for any other reason.
        """
        return [self._status(number) for number in self._ask_statuses(paths)]

    def read(self, path: str, begin: int, end: int) -> Iterator[bytes]:
        """Bytes `begin` to `end` of a file, in order; fewer where the file is shorter.

        Raises:
            SftpRefusal: the file cannot be opened or read.
        """
        handle = self._opened(self._ask_open(path))
        asked: deque[tuple[int, int, int]] = deque()
        position, shorter = begin, False
        while position < end or asked:
            while position < end and len(asked) * self.read_bytes < IN_FLIGHT_BYTES:
                length = min(self.read_bytes, end - position)
                asked.append((self._ask_read(handle, position, length), position, length))
                position += length
            number, place, length = asked.popleft()
            piece = self._data(number)
            shorter = shorter or not piece
            if shorter:
                # What is still on its way is past the end, too.
                position = end
                continue
            if len(piece) < length:
                self.read_bytes = min(self.read_bytes, max(len(piece), 4096))
                rest = place + len(piece), length - len(piece)
                asked.appendleft((self._ask_read(handle, *rest), *rest))
            yield piece
        self._answer(self._ask(CLOSE, handle), STATUS)

    def read_small(
        self, files: Sequence[tuple[str, int]]
    ) -> Iterator[tuple[bytes, RemoteStatus | None] | SftpRefusal]:
        """Content of each file, and its attributes afterwards, in few round trips for all.

        Args:
            files: path and expected size in bytes; no more is read.

        Returns:
            In the order of `files`; a refusal where a file cannot be opened or read.
        """
        opening = [(path, size, self._ask_open(path)) for path, size in files]
        reading = [(path, size, self._ask_all(path, size, open_)) for path, size, open_ in opening]
        for path, size, asked in reading:
            if isinstance(asked, SftpRefusal):
                yield asked
                continue
            reads, close, status = asked
            try:
                content = self._beginning(reads)
                if len(content) < size:
                    content += b"".join(self.read(path, len(content), size))
                self._answer(close, STATUS)
                yield content, self._status(status)
            except SftpRefusal as refusal:
                yield refusal

    def _ask_all(
        self, path: str, size: int, opened: int
    ) -> tuple[list[tuple[int, int]], int, int] | SftpRefusal:
        try:
            handle = self._opened(opened)
        except SftpRefusal as refusal:
            return refusal
        pieces = [
            (begin, min(self.read_bytes, size - begin)) for begin in range(0, size, self.read_bytes)
        ]
        reads = [(self._ask_read(handle, *piece), piece[1]) for piece in pieces]
        return reads, self._ask(CLOSE, handle), self._ask_status(path)

    def _beginning(self, reads: Sequence[tuple[int, int]]) -> bytes:
        """Join answers up to the first that has less than was asked for."""
        pieces = [(self._data(number), length) for number, length in reads]
        short = next((n for n, (piece, length) in enumerate(pieces) if len(piece) < length), None)
        return b"".join(piece for piece, _ in pieces[: None if short is None else short + 1])

    def _greet(self) -> None:
        body = struct.pack(">BI", INIT, PROTOCOL_VERSION)
        self._unsent += string(body)
        kind, answer = self._packet()
        if kind != VERSION:
            raise self._silent("does not speak SFTP")
        answer.get_int()
        extensions = set()
        while answer.get_remainder():
            extensions.add(answer.get_string())
            answer.get_string()
        if b"limits@openssh.com" in extensions:
            with suppress(SftpRefusal):
                self._learn_limits()

    def _learn_limits(self) -> None:
        limits = self._answer(self._ask(EXTENDED, string(b"limits@openssh.com")), EXTENDED_REPLY)
        limits.get_int64()
        self.read_bytes = min(limits.get_int64() or LARGEST_READ_BYTES, LARGEST_READ_BYTES)

    def _ask_open(self, path: str) -> int:
        return self._ask(OPEN, string(encoded(path)), struct.pack(">II", OPEN_FOR_READING, 0))

    def _ask_read(self, handle: bytes, begin: int, length: int) -> int:
        return self._ask(READ, handle, struct.pack(">QI", begin, length))

    def _ask_status(self, path: str) -> int:
        return self._ask(LSTAT, string(encoded(path)))

    def _ask_statuses(self, paths: Sequence[str]) -> Iterator[int]:
        asked: deque[int] = deque()
        for path in paths:
            asked.append(self._ask_status(path))
            if len(asked) > STATUSES_IN_FLIGHT:
                yield asked.popleft()
        yield from asked

    def _ask(self, kind: int, *fields: bytes) -> int:
        self._last += 1
        body = struct.pack(">BI", kind, self._last) + b"".join(fields)
        self._unsent += string(body)
        return self._last

    def _opened(self, number: int) -> bytes:
        return string(self._answer(number, HANDLE).get_string())

    def _data(self, number: int) -> bytes:
        try:
            return self._answer(number, DATA).get_string()
        except SftpRefusal as refusal:
            if refusal.code == EOF:
                return b""
            raise

    def _status(self, number: int) -> RemoteStatus | None:
        try:
            return attributes(self._answer(number, ATTRS))
        except SftpRefusal as refusal:
            if refusal.code == NO_SUCH_FILE:
                return None
            raise

    def _answer(self, number: int, expected: int) -> Message:
        while number not in self._answers:
            kind, body = self._packet()
            self._answers[body.get_int()] = kind, body
        kind, body = self._answers.pop(number)
        if kind == STATUS:
            code, text = body.get_int(), body.get_string()
            if code or expected != STATUS:
                raise SftpRefusal(code, shown(text))
        elif kind != expected:
            raise self._silent(f"answers with packet {kind} where {expected} belongs")
        return body

    def _packet(self) -> tuple[int, Message]:
        (size,) = struct.unpack(">I", self._take(4))
        if not 0 < size <= LARGEST_PACKET_BYTES:
            raise self._silent(f"sends a packet of {size} bytes")
        packet = self._take(size)
        return packet[0], Message(packet[1:])

    def _send(self) -> None:
        if not self._unsent:
            return
        try:
            self._channel.sendall(bytes(self._unsent))
        except (OSError, EOFError, SSHException) as error:
            raise self._silent(f"ended the session ({_cause(error)})") from error
        self._unsent.clear()

    def _take(self, size: int) -> bytes:
        parts = []
        missing = size
        while missing:
            if not self._received:
                self._received = self._some()
            part, self._received = self._received[:missing], self._received[missing:]
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _some(self) -> memoryview:
        """Whatever the channel has: taking a part would move all the rest in its buffer."""
        self._send()
        try:
            piece = self._channel.recv(RECEIVE_BYTES)
        except TimeoutError as error:
            raise self._silent("stopped answering") from error
        except (OSError, EOFError, SSHException) as error:
            raise self._silent(f"ended the session ({_cause(error)})") from error
        if not piece:
            raise self._silent("ended the session")
        return memoryview(piece)

    def _silent(self, what: str) -> RemoteFolderUnavailable:
        return RemoteFolderUnavailable(f"{self._server} {what}. Look at its log if this stays.")


def _cause(error: Exception) -> str:
    return str(error) or type(error).__name__
