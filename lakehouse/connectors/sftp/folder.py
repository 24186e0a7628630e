"""Deliveries in a folder of an SFTP server."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from lakehouse.connectors.download_ahead import download_ahead
from lakehouse.connectors.file_store import FetchedFile, FoundFile, OnWait
from lakehouse.connectors.sftp.connection import SftpAccess, SftpSession, open_session
from lakehouse.connectors.sftp.fetcher import SftpFetcher
from lakehouse.connectors.sftp.messages import PERMISSION_DENIED, SftpRefusal, regular_file
from lakehouse.connectors.sftp.protocol import SftpProtocol
from lakehouse.errors import LandingFolderMissing, RemoteFolderRefused
from lakehouse.source_catalog import Table

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
        found = {file.name: regular_file(now) for file, now in zip(files, statuses, strict=True)}
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
            lambda: SftpFetcher(self.access, open_session(self.access), self._path_of),
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
            where = f"the folder {self.path} of {self.access.server}"
            advice = f"Check path in the block {table.block}, and what {self.access.username} may."
            if refusal.code == PERMISSION_DENIED:
                # Whoever asks for the table puts it in front, as of all refusals.
                raise RemoteFolderRefused(f"{where} may not be listed. {advice}") from None
            raise LandingFolderMissing(
                f"{table.full_name}: {where} cannot be listed ({refusal}). {advice}"
            ) from None
        # Servers may leave attributes out of a listing.
        bare = [name for name, said in entries if None in (said.size, said.mode, said.mtime)]
        asked = protocol.statuses([self._join(name) for name in bare])
        known = {**dict(entries), **dict(zip(bare, asked, strict=True))}
        return [
            FoundFile(name, *now) for name, said in known.items() if (now := regular_file(said))
        ]

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
