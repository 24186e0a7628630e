"""A real SFTP server on loopback: one folder, read only, with its own host key and password."""

import io
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)
from paramiko.sftp import SFTP_NO_SUCH_FILE, SFTP_PERMISSION_DENIED

USER = "techstore"


@dataclass(frozen=True)
class SftpAddress:
    """How to reach the server.

    Attributes:
        host_key: its public key as one line, such as `ssh-ed25519 AAAA...`.
    """

    host: str
    port: int
    user: str
    password: str
    host_key: str


@contextmanager
def sftp_server(root: Path) -> Iterator[SftpAddress]:
    """Serve `root` as `/` on a free port until the end of the block.

    Yields:
        Where it listens, and the password and host key that it made for this time only.
    """
    key = _new_host_key()
    password = secrets.token_urlsafe(16)
    listener = socket.create_server(("127.0.0.1", 0))
    sessions: list[paramiko.Transport] = []

    def _accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            session = paramiko.Transport(connection)
            session.add_server_key(key)
            session.set_subsystem_handler("sftp", paramiko.SFTPServer, _ReadOnlyFolder, root=root)
            # A new session is started in its own thread: a client that says nothing holds up none.
            session.start_server(event=threading.Event(), server=_PasswordOnly(password))
            sessions.append(session)

    thread = threading.Thread(target=_accept, name="demo sftp", daemon=True)
    thread.start()
    try:
        port = listener.getsockname()[1]
        host_key = f"{key.get_name()} {key.get_base64()}"
        yield SftpAddress("127.0.0.1", port, USER, password, host_key)
    finally:
        # Closing alone leaves accept() waiting on Linux.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for session in sessions:
            session.close()


def _new_host_key() -> paramiko.PKey:
    private = Ed25519PrivateKey.generate()
    text = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return paramiko.Ed25519Key(file_obj=io.StringIO(text))


class _PasswordOnly(paramiko.ServerInterface):
    def __init__(self, password: str) -> None:
        self._password = password

    def get_allowed_auths(self, _username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        right = secrets.compare_digest(password.encode(), self._password.encode())
        if username == USER and right:
            return AUTH_SUCCESSFUL
        return AUTH_FAILED

    def check_channel_request(self, kind: str, _chanid: int) -> int:
        if kind == "session":
            return OPEN_SUCCEEDED
        return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED


class _OpenFile(paramiko.SFTPHandle):
    def __init__(self, flags: int, file: BinaryIO) -> None:
        super().__init__(flags)
        # Where paramiko looks for the file to read from and to close.
        self.readfile = file

    def stat(self) -> paramiko.SFTPAttributes | int:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class _ReadOnlyFolder(paramiko.SFTPServerInterface):
    """What a session may do: list, look and read below the root. Writing is not even here."""

    def __init__(self, server: paramiko.ServerInterface, *args: object, root: Path) -> None:
        super().__init__(server, *args)
        self._root = root.resolve()

    def _local(self, path: str) -> Path | None:
        """The file that a path means; None where it would lead out of the root."""
        resolved = (self._root / self.canonicalize(path).lstrip("/")).resolve()
        return resolved if resolved.is_relative_to(self._root) else None

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
        folder = self._local(path)
        if folder is None or not folder.is_dir():
            return SFTP_NO_SUCH_FILE
        return [
            paramiko.SFTPAttributes.from_stat(entry.lstat(), entry.name)
            for entry in sorted(folder.iterdir())
        ]

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        file = self._local(path)
        if file is None or not file.exists():
            return SFTP_NO_SUCH_FILE
        return paramiko.SFTPAttributes.from_stat(file.stat())

    def lstat(self, path: str) -> paramiko.SFTPAttributes | int:
        return self.stat(path)

    def open(
        self, path: str, flags: int, _attr: paramiko.SFTPAttributes
    ) -> paramiko.SFTPHandle | int:
        file = self._local(path)
        if file is None or not file.is_file():
            return SFTP_NO_SUCH_FILE
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND):
            return SFTP_PERMISSION_DENIED
        return _OpenFile(flags, file.open("rb"))
