import random
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.connectors.sftp import messages as sftp
from lakehouse.connectors.sftp.messages import RemoteStatus, SftpRefusal
from lakehouse.connectors.sftp.protocol import SAFE_READ_BYTES, SftpProtocol
from lakehouse.errors import RemoteFolderUnavailable

REGULAR = 0o100644


def text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def attributes(size: int, mode: int = REGULAR, mtime: int = 7) -> bytes:
    flags = sftp.HAS_SIZE | sftp.HAS_OWNER | sftp.HAS_MODE | sftp.HAS_TIMES | sftp.HAS_MORE
    more = struct.pack(">I", 1) + text(b"name") + text(b"value")
    return struct.pack(">IQIIIII", flags, size, 1, 1, mode, mtime, mtime) + more


class Server:
    """A server of files in memory behind a channel that hands out its bytes in odd portions."""

    def __init__(self, files: dict[bytes, bytes], *, seed: int = 0, limits: int = 0) -> None:
        self.files = files
        self.limits = limits
        self.refuses_limits = False
        self.longest_answer = 1 << 30
        self.shuffled = False
        self.open_handles: dict[bytes, bytes] = {}
        self.largest_request = 0
        self._random = random.Random(seed)
        self._asked = b""
        self._waiting: list[bytes] = []
        self._listed: list[bytes] | None = None
        self._bytes = b""

    def sendall(self, s: bytes) -> None:
        self._asked += s
        while len(self._asked) >= 4:
            (size,) = struct.unpack(">I", self._asked[:4])
            request, self._asked = self._asked[4 : 4 + size], self._asked[4 + size :]
            self._waiting.append(self._answer(request))

    def recv(self, nbytes: int) -> bytes:  # noqa: ARG002
        if self.shuffled:
            self._random.shuffle(self._waiting)
        self._bytes += b"".join(text(answer) for answer in self._waiting)
        self._waiting.clear()
        size = self._random.randint(1, max(1, len(self._bytes)))
        taken, self._bytes = self._bytes[:size], self._bytes[size:]
        return taken

    def _answer(self, request: bytes) -> bytes:
        kind = request[0]
        if kind == sftp.INIT:
            extensions = text(b"other") + text(b"1")
            if self.limits:
                extensions += text(b"limits@openssh.com") + text(b"1")
            return struct.pack(">BI", sftp.VERSION, 3) + extensions
        number, body = request[1:5], request[5:]
        answer, fields = self._of(kind, body)
        return bytes([answer]) + number + fields

    def _of(self, kind: int, body: bytes) -> tuple[int, bytes]:
        (length,) = struct.unpack(">I", body[:4])
        name, rest = body[4 : 4 + length], body[4 + length :]
        if kind == sftp.EXTENDED:
            return self._limits()
        if kind == sftp.OPENDIR:
            self._listed = list(self.files)
            return sftp.HANDLE, text(b"folder")
        if kind == sftp.READDIR:
            return self._next_names()
        if kind in (sftp.LSTAT, sftp.OPEN):
            return self._of_path(kind, name)
        if kind == sftp.CLOSE:
            self.open_handles.pop(name, None)
            return self._status(0)
        begin, wanted = struct.unpack(">QI", rest)
        self.largest_request = max(self.largest_request, wanted)
        piece = self.open_handles[name][begin : begin + min(wanted, self.longest_answer)]
        return (sftp.DATA, text(piece)) if piece else self._status(sftp.EOF)

    def _limits(self) -> tuple[int, bytes]:
        if self.refuses_limits:
            return self._status(sftp.PERMISSION_DENIED)
        return sftp.EXTENDED_REPLY, struct.pack(">QQQQ", 1 << 18, self.limits, 0, 0)

    def _of_path(self, kind: int, path: bytes) -> tuple[int, bytes]:
        if path not in self.files:
            return self._status(sftp.NO_SUCH_FILE)
        if kind == sftp.LSTAT:
            return sftp.ATTRS, attributes(len(self.files[path]))
        handle = b"handle of " + path
        self.open_handles[handle] = self.files[path]
        return sftp.HANDLE, text(handle)

    def _next_names(self) -> tuple[int, bytes]:
        if not self._listed:
            return self._status(sftp.EOF)
        some, self._listed = self._listed[:3], self._listed[3:]
        entries = b"".join(
            text(name) + text(b"ignored") + attributes(len(self.files[name])) for name in some
        )
        return sftp.NAME, struct.pack(">I", len(some)) + entries

    def _status(self, code: int) -> tuple[int, bytes]:
        return sftp.STATUS, struct.pack(">I", code) + text(b"said \x1bso") + text(b"en")


def session(server: object) -> SftpProtocol:
    return SftpProtocol(server, "The SFTP server x:22")  # type: ignore[arg-type]


@given(
    content=st.binary(max_size=200_000),
    bounds=st.tuples(st.integers(0, 200_000), st.integers(0, 200_000)),
    longest=st.integers(1_000, 70_000),
    shuffled=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_a_file_is_read_whole_however_its_server_answers(content, bounds, longest, shuffled, seed):
    server = Server({b"/f": content}, seed=seed)
    server.longest_answer, server.shuffled = longest, shuffled
    begin, end = min(bounds), max(bounds)
    protocol = session(server)
    assert b"".join(protocol.read("/f", begin, end)) == content[begin:end]
    assert server.open_handles == {}
    assert protocol.statuses(["/f"]) == [RemoteStatus(len(content), REGULAR, 7)]


@given(
    sizes=st.lists(st.integers(0, 40_000), max_size=20),
    longest=st.integers(1_000, 70_000),
    shuffled=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_many_small_files_are_read_at_once_and_closed(sizes, longest, shuffled):
    files = {b"/f%d" % n: random.Random(n).randbytes(size) for n, size in enumerate(sizes)}
    server = Server(files)
    server.longest_answer, server.shuffled = longest, shuffled
    asked = [(path.decode(), len(content)) for path, content in files.items()]
    answers = list(session(server).read_small(asked))
    assert [content for content, _ in answers] == list(files.values())
    assert {status.size for _, status in answers} == set(sizes)
    assert server.open_handles == {}


def test_the_error_of_one_small_file_leaves_the_others_alone():
    server = Server({b"/a": b"1", b"/c": b"3"})
    first, missing, last = session(server).read_small([("/a", 1), ("/b", 1), ("/c", 1)])
    assert (first[0], last[0]) == (b"1", b"3")
    assert isinstance(missing, SftpRefusal)
    assert missing.code == sftp.NO_SUCH_FILE
    assert str(missing) == "said so"


def test_no_more_of_a_file_is_read_than_was_found():
    assert b"".join(session(Server({b"/f": b"grown"})).read("/f", 0, 3)) == b"gro"
    ((content, status),) = session(Server({b"/f": b"grown"})).read_small([("/f", 3)])
    assert content == b"gro"
    assert status == RemoteStatus(5, REGULAR, 7)


def test_large_reads_are_asked_of_servers_that_say_they_can():
    content = bytes(300_000)
    for limits, largest in ((0, 32 << 10), (1 << 30, 255 << 10), (100_000, 100_000)):
        server = Server({b"/f": content}, limits=limits)
        assert b"".join(session(server).read("/f", 0, len(content))) == content
        assert server.largest_request == largest


def test_a_server_that_refuses_to_tell_its_limits_is_read_in_small_pieces():
    server = Server({b"/f": bytes(100_000)}, limits=1 << 18)
    server.refuses_limits = True
    assert b"".join(session(server).read("/f", 0, 100_000)) == bytes(100_000)
    assert server.largest_request == SAFE_READ_BYTES


def test_names_come_as_the_server_has_them():
    names = (b"a", b"\xf1and\xfa", b"..", b"x/y", b"\n", b"e", b"f", b"g")
    files = dict.fromkeys(names, b"")
    listed = dict(session(Server(files)).entries("/"))
    assert set(listed) == set(files)


def test_a_missing_path_has_no_status():
    paths = [f"/{n}" for n in range(200)]
    server = Server({b"/%d" % n: b"x" * n for n in range(0, 200, 2)})
    found = session(server).statuses(paths)
    assert [status.size if status else None for status in found] == [
        n if n % 2 == 0 else None for n in range(200)
    ]


class Broken:
    """A channel with a few bytes, which then ends or says nothing."""

    def __init__(self, received: bytes, end: Exception | None = None) -> None:
        self._pieces: Iterator[bytes] = iter([received] if received else [])
        self._end = end

    def sendall(self, s: bytes) -> None:
        """Taken, and forgotten."""

    def recv(self, nbytes: int) -> bytes:  # noqa: ARG002
        for piece in self._pieces:
            return piece
        if self._end:
            raise self._end
        return b""


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        (Broken(b""), "ended the session"),
        (Broken(b"\0\0"), "ended the session"),
        (Broken(b"", TimeoutError()), "stopped answering"),
        (Broken(b"", ConnectionResetError(104, "Connection reset by peer")), "reset by peer"),
        (Broken(b"\xff\xff\xff\xff\x02"), "a packet of 4294967295 bytes"),
        (Broken(b"\0\0\0\0"), "a packet of 0 bytes"),
        (Broken(b"\0\0\0\x05\x65\0\0\0\0"), "does not speak SFTP"),
        (Broken(b"Welcome to this server!\r\n"), "a packet of"),
    ],
)
def test_a_session_that_breaks_is_worth_another_try(channel, words):
    with pytest.raises(RemoteFolderUnavailable, match=f"The SFTP server x:22 .*{words}"):
        session(channel)
