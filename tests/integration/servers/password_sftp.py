"""An SFTP server in this process that takes a password; of another make than OpenSSH."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import paramiko


@dataclass
class PasswordServer:
    """What clients are told and what they tried.

    Attributes:
        folder: which clients see as `/`.
        password: of the user `shop`.
        sessions: most sessions at the same time; more are not let in.
        ciphers: the only ones that it speaks; empty for all.
        host_key: line of the server's public key.
        tried: names of users who tried to log in.
    """

    folder: Path
    password: str
    sessions: int = 100
    ciphers: tuple[str, ...] = ()
    port: int = 0
    host_key: str = ""
    tried: list[str] = field(default_factory=list)
    transports: list[paramiko.Transport] = field(default_factory=list)


@contextmanager
def password_sftp(
    folder: Path, password: str, *, sessions: int = 100, ciphers: tuple[str, ...] = ()
) -> Iterator[PasswordServer]:
    """Serve `folder` until the end of the block."""
    key = paramiko.ECDSAKey.generate()
    server = PasswordServer(folder, password, sessions, ciphers)
    server.host_key = f"{key.get_name()} {key.get_base64()}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        threading.Thread(target=_accept, args=(listener, key, server), daemon=True).start()
        try:
            yield server
        finally:
            for transport in server.transports:
                transport.close()


def _accept(listener: socket.socket, key: paramiko.PKey, server: PasswordServer) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        transport = paramiko.Transport(connection)
        transport.set_log_channel("lakehouse.sftp")
        transport.add_server_key(key)
        if server.ciphers:
            transport.get_security_options().ciphers = server.ciphers
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, server)
        server.transports.append(transport)
        transport.start_server(event=threading.Event(), server=_Door(server))


class _Door(paramiko.ServerInterface):
    def __init__(self, server: PasswordServer) -> None:
        self.server = server

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        self.server.tried.append(username)
        inside = [t for t in self.server.transports if t.is_active() and t.is_authenticated()]
        right = (username, password) == ("shop", self.server.password)
        if right and len(inside) < self.server.sessions:
            return paramiko.AUTH_SUCCESSFUL
        return paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        return paramiko.OPEN_SUCCEEDED


class _Files(paramiko.SFTPServerInterface):
    def __init__(self, _door: paramiko.ServerInterface, server: PasswordServer) -> None:
        self.folder = server.folder

    def _path(self, path: str) -> Path:
        return self.folder / path.lstrip("/")

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
        try:
            entries = list(os.scandir(self._path(path)))
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
        # This server says no attributes in a listing: they have to be asked for.
        bare = []
        for entry in entries:
            attributes = paramiko.SFTPAttributes()
            attributes.filename = entry.name
            bare.append(attributes)
        return bare

    def lstat(self, path: str) -> paramiko.SFTPAttributes | int:
        try:
            return paramiko.SFTPAttributes.from_stat(self._path(path).lstat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    def open(
        self,
        path: str,
        flags: int,
        attr: paramiko.SFTPAttributes,  # noqa: ARG002
    ) -> paramiko.SFTPHandle | int:
        try:
            file = self._path(path).open("rb")
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
        handle = paramiko.SFTPHandle(flags)
        handle.readfile = file
        return handle
