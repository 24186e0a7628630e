"""Downloads over one SFTP session: verified, and gone on with where a session broke."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from lakehouse.connectors.download_ahead import (
    SMALL_FILE_BYTES,
    DownloadStopped,
    OnBytes,
    WantedFile,
)
from lakehouse.connectors.file_store import FoundFile, change_of
from lakehouse.connectors.sftp.connection import SftpAccess, SftpSession, open_session
from lakehouse.connectors.sftp.messages import (
    NO_SUCH_FILE,
    RemoteStatus,
    SftpRefusal,
    regular_file,
)
from lakehouse.connectors.sftp.protocol import SftpProtocol
from lakehouse.errors import DeliveryMoving, RemoteFolderRefused, RemoteFolderUnavailable

TRIES_WITHOUT_PROGRESS = 4
LONGEST_PAUSE_SECONDS = 10.0
COMPARED_BYTES = 32 << 10


@dataclass(eq=False)
class SftpFetcher:
    """Downloads over one connection, which is made again when it breaks.

    Attributes:
        access: server and login.
        session: an open one; ended here.
        path_of: where a file is on the server.
    """

    access: SftpAccess
    session: SftpSession | None
    path_of: Callable[[FoundFile], str]
    _ended: bool = False

    def fetch(self, files: Sequence[WantedFile], on_bytes: OnBytes) -> list[Exception | None]:
        """See `Fetcher.fetch`: one large file, or several small ones."""
        if len(files) == 1 and files[0].found.size > SMALL_FILE_BYTES:
            return [self._fetch_large(files[0], on_bytes)]
        faults: list[Exception | None] = []
        for attempt in _tries(lambda: len(faults)):
            with attempt:
                for fault in self._fetch_small(files[len(faults) :], on_bytes):
                    faults.append(fault)  # noqa: PERF402 - each counts, also if the next one fails
        return faults

    def close(self) -> None:
        """See `Fetcher.close`; no new session is begun."""
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
    now = regular_file(status)
    what = change_of(found, now)
    if what is None and received != found.size:
        what = f"has {found.size} bytes, of which {received} could be read,"
    if what is None:
        return None
    return DeliveryMoving(
        f"{found.name} {what} while it was downloaded: its sender is not done yet."
    )
