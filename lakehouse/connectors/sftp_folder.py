"""Deliveries in a folder of an SFTP server."""

import stat
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from lakehouse.connectors.download_ahead import (
    SMALL_FILE_BYTES,
    DownloadStopped,
    OnBytes,
    WantedFile,
    download_ahead,
)
from lakehouse.connectors.file_store import FetchedFile, FoundFile, OnWait, change_of
from lakehouse.connectors.sftp_connection import SftpAccess, SftpSession, open_session
from lakehouse.connectors.sftp_protocol import (
    NO_SUCH_FILE,
    PERMISSION_DENIED,
    RemoteStatus,
    SftpProtocol,
    SftpRefusal,
)
from lakehouse.errors import (
    DeliveryMoving,
    LandingFolderMissing,
    RemoteFolderRefused,
    RemoteFolderUnavailable,
)
from lakehouse.source_catalog import Table

TRIES_WITHOUT_PROGRESS = 4
LONGEST_PAUSE_SECONDS = 10.0
COMPARED_BYTES = 32 << 10
NANOSECONDS = 1_000_000_000
Answer = TypeVar("Answer")


@dataclass
class SftpFolder:
    """A `FileStore` on an SFTP server; times of files have whole seconds.

    Attributes:
        access: server and login.
        path: folder on the server, absolute or from the user's home.
        connections: most downloads at the same time.
    """

    access: SftpAccess
    path: str
    connections: int = 4
    _session: SftpSession | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"sftp://{self.access.host}:{self.access.port}/{self.path.lstrip('/')}"

    def listing(self, table: Table) -> list[FoundFile]:
        """See `FileStore.listing`.

        Raises:
            LandingFolderMissing: there is no such folder.
            RemoteFolderRefused: the user may not list it.
            RemoteFolderUnavailable: the server does not answer.
            HostKeyUnknown: it is not the pinned server.
        """
        return self._asked(lambda protocol: self._list(protocol, table))

    def look(self, files: Sequence[FoundFile]) -> Mapping[str, tuple[int, int]]:
        """See `FileStore.look`."""
        paths = [self._path_of(file) for file in files]
        statuses = self._asked(lambda protocol: protocol.statuses(paths))
        found = {file.name: _regular(now) for file, now in zip(files, statuses, strict=True)}
        return {name: now for name, now in found.items() if now}

    def local_file(self, found: FoundFile) -> None:
        """See `FileStore.local_file`."""

    def fetch(
        self, files: Sequence[FoundFile], scratch: Path, on_wait: OnWait
    ) -> Generator[FetchedFile, None, None]:
        """See `FileStore.fetch`."""
        self.close()
        return download_ahead(
            files,
            scratch,
            on_wait,
            lambda: _SftpFetcher(self.access, open_session(self.access), self._path_of),
            connections=self.connections,
        )

    def set_aside(self, found: FoundFile) -> str | None:
        """Refused: the files of a server are its owner's.

        Raises:
            RemoteFolderRefused: always.
        """
        raise RemoteFolderRefused(
            f"{found.name} in {self} cannot be moved: after_load: move is for local folders."
        )

    def close(self) -> None:
        """See `FileStore.close`."""
        session, self._session = self._session, None
        if session:
            session.close()

    def _list(self, protocol: SftpProtocol, table: Table) -> list[FoundFile]:
        try:
            entries = [
                (name.decode("utf-8", "surrogateescape"), status)
                for name, status in protocol.entries(self.path)
                if name not in (b".", b"..")
            ]
        except SftpRefusal as refusal:
            where = f"{table.full_name}: the folder {self.path} of {self.access.server}"
            advice = f"Check path in the block {table.block}, and what {self.access.username} may."
            if refusal.code == PERMISSION_DENIED:
                raise RemoteFolderRefused(f"{where} may not be listed. {advice}") from None
            raise LandingFolderMissing(f"{where} cannot be listed ({refusal}). {advice}") from None
        # Servers may leave attributes out of a listing.
        bare = [name for name, said in entries if None in (said.size, said.mode, said.mtime)]
        asked = protocol.statuses([self._join(name) for name in bare])
        known = {**dict(entries), **dict(zip(bare, asked, strict=True))}
        return [FoundFile(name, *now) for name, said in known.items() if (now := _regular(said))]

    def _asked(self, question: Callable[[SftpProtocol], Answer]) -> Answer:
        self._session = self._session or open_session(self.access)
        try:
            return question(self._session.protocol)
        except SftpRefusal as refusal:
            self.close()
            raise RemoteFolderRefused(
                f"{self.access.server} refuses to look into {self.path} ({refusal})."
            ) from None
        except BaseException:
            self.close()
            raise

    def _path_of(self, found: FoundFile) -> str:
        return self._join(found.name)

    def _join(self, name: str) -> str:
        return f"{self.path.rstrip('/')}/{name}"


@dataclass(eq=False)
class _SftpFetcher:
    """Downloads over one connection, which is made again when it breaks."""

    access: SftpAccess
    session: SftpSession | None
    path_of: Callable[[FoundFile], str]
    _ended: bool = False

    def fetch(self, files: Sequence[WantedFile], on_bytes: OnBytes) -> list[Exception | None]:
        if len(files) == 1 and files[0].found.size > SMALL_FILE_BYTES:
            return [self._fetch_large(files[0], on_bytes)]
        faults: list[Exception | None] = []
        for attempt in _tries(lambda: len(faults)):
            with attempt:
                for fault in self._fetch_small(files[len(faults) :], on_bytes):
                    faults.append(fault)  # noqa: PERF402 - each counts, also if the next one fails
        return faults

    def close(self) -> None:
        self._ended = True
        self._drop()

    def _fetch_small(
        self, files: Sequence[WantedFile], on_bytes: OnBytes
    ) -> Iterator[Exception | None]:
        asked = [(self.path_of(wanted.found), wanted.found.size) for wanted in files]
        with self._connected() as protocol:
            for wanted, answer in zip(files, protocol.read_small(asked), strict=True):
                if isinstance(answer, SftpRefusal):
                    yield self._refused(wanted.found, answer)
                    continue
                content, status = answer
                wanted.target.write_bytes(content)
                on_bytes(len(content))
                yield _change(wanted.found, status, len(content))

    def _fetch_large(self, wanted: WantedFile, on_bytes: OnBytes) -> Exception | None:
        with wanted.target.open("w+b") as target:
            for attempt in _tries(target.tell):
                with attempt:
                    try:
                        self._read_on(wanted.found, target, on_bytes)
                    except SftpRefusal as refusal:
                        return self._refused(wanted.found, refusal)
                    except DeliveryMoving as moving:
                        return moving
        return None

    def _read_on(self, found: FoundFile, target: BinaryIO, on_bytes: OnBytes) -> None:
        """Read what is missing, after a look whether what is there is still the beginning."""
        path = self.path_of(found)
        target.seek(0, 2)
        begin = target.tell()
        with self._connected() as protocol:
            if begin:
                _assert_begins(protocol, path, found, target, begin)
            for piece in protocol.read(path, begin, found.size):
                target.write(piece)
                on_bytes(len(piece))
            target.flush()
            (status,) = protocol.statuses([path])
        if fault := _change(found, status, target.tell()):
            raise fault

    @contextmanager
    def _connected(self) -> Iterator[SftpProtocol]:
        if self._ended:
            raise DownloadStopped
        if self.session is None:
            self.session = open_session(self.access)
        try:
            yield self.session.protocol
        except BaseException:
            # Answers may be on their way that nobody waits for any more.
            self._drop()
            raise

    def _drop(self) -> None:
        session, self.session = self.session, None
        if session:
            session.close()

    def _refused(self, found: FoundFile, refusal: SftpRefusal) -> Exception:
        if refusal.code == NO_SUCH_FILE:
            return DeliveryMoving(f"{found.name} is gone since it was listed.")
        return RemoteFolderRefused(
            f"{self.access.server} does not let {self.access.username} read {found.name} "
            f"({refusal}). Ask its operator for the right to."
        )


def _tries(progress: Callable[[], int]) -> Retrying:
    """Try again while the server is unavailable, unless several tries brought nothing."""
    reached, fruitless = 0, 0

    def stalled(_state: RetryCallState) -> bool:
        nonlocal reached, fruitless
        now = progress()
        reached, fruitless = (now, 1) if now > reached else (reached, fruitless + 1)
        return fruitless >= TRIES_WITHOUT_PROGRESS

    return Retrying(
        retry=retry_if_exception_type(RemoteFolderUnavailable),
        stop=stalled,
        wait=wait_random_exponential(multiplier=0.5, max=LONGEST_PAUSE_SECONDS),
        reraise=True,
    )


def _assert_begins(
    protocol: SftpProtocol, path: str, found: FoundFile, target: BinaryIO, begin: int
) -> None:
    (status,) = protocol.statuses([path])
    if fault := _change(found, status, found.size):
        raise fault
    compared = max(0, begin - COMPARED_BYTES)
    target.seek(compared)
    ours = target.read(begin - compared)
    if b"".join(protocol.read(path, compared, begin)) != ours:
        raise DeliveryMoving(f"{found.name} changed while it was downloaded.")
    target.seek(begin)


def _change(found: FoundFile, status: RemoteStatus | None, received: int) -> DeliveryMoving | None:
    now = _regular(status)
    what = change_of(found, now)
    if what is None and received != found.size:
        what = f"has {found.size} bytes, of which {received} could be read,"
    if what is None:
        return None
    return DeliveryMoving(
        f"{found.name} {what} while it was downloaded: its sender is not done yet."
    )


def _regular(status: RemoteStatus | None) -> tuple[int, int] | None:
    if status is None or status.size is None or status.mtime is None or status.mode is None:
        return None
    return (status.size, status.mtime * NANOSECONDS) if stat.S_ISREG(status.mode) else None
