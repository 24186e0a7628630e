"""A real PostgreSQL of the machine's own binaries, on a free loopback port, gone afterwards."""

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from servers.child_process import dies_with_its_parent, free_port, stop, wait_until_ready
from sqlalchemy import URL

SYSTEM_USER = "postgres"


class PostgresMissingError(Exception):
    """This machine cannot start a PostgreSQL; the message says what to install."""


@dataclass(frozen=True)
class PostgresServer:
    """A running server.

    Attributes:
        url: SQLAlchemy URL of its superuser in the database `postgres`.
        pid: process id of the postmaster.
        folder: data folder, log and password file.
    """

    url: URL
    pid: int
    folder: Path


def postgres_binaries(installed: Path = Path("/usr/lib/postgresql")) -> Path:
    """Folder of the newest installed PostgreSQL server.

    Args:
        installed: folder in which Debian keeps `<version>/bin`.

    Raises:
        PostgresMissingError: no server is installed, or root has no user to run it as.
    """
    versions = [
        path.parent
        for path in installed.glob("*/bin/initdb")
        if re.fullmatch(r"\d+", path.parent.parent.name)
    ]
    if not versions:
        raise PostgresMissingError("PostgreSQL is not installed: sudo apt-get install postgresql")
    if os.geteuid() == 0 and (not shutil.which("setpriv") or not _system_user()):
        raise PostgresMissingError(
            f"PostgreSQL refuses to run as root, and setpriv or the user {SYSTEM_USER} is missing"
        )
    return max(versions, key=lambda folder: int(folder.parent.name))


@contextmanager
def running_postgres(
    start_seconds: float = 60, host: str = "127.0.0.1", clients: str | None = None
) -> Iterator[PostgresServer]:
    """Start a server in a new folder; at the end stop it and remove the folder.

    Args:
        start_seconds: how long it may take.
        host: address to listen on.
        clients: network of further hosts that it lets in by password.

    Raises:
        PostgresMissingError: see `postgres_binaries`.
        ServerStartError: with the end of its log.
    """
    binaries = postgres_binaries()
    folder = Path(tempfile.mkdtemp(prefix="aljibe-postgres-"))
    url = URL.create(
        "postgresql+psycopg",
        username="aljibe",
        password=secrets.token_urlsafe(16),
        host=host,
        port=free_port(),
        database="postgres",
    )
    try:
        _create_cluster(binaries, folder, url)
        if clients:
            with (folder / "data" / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {clients} scram-sha-256\n")
        process = _start(binaries, folder, url)
        try:
            wait_until_ready(process, lambda: _answers(url), folder / "log", start_seconds)
            yield PostgresServer(url=url, pid=process.pid, folder=folder)
        finally:
            stop(process, signal.SIGINT)  # PostgreSQL's fast shutdown
    finally:
        shutil.rmtree(folder)


def _system_user() -> pwd.struct_passwd | None:
    return next((user for user in pwd.getpwall() if user.pw_name == SYSTEM_USER), None)


def _as_system_user() -> list[str]:
    """Prefix that runs a command as the system user when this process is root's.

    Exec, not fork: the process that starts is the server itself, and its id is the server's.
    """
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={SYSTEM_USER}", f"--regid={SYSTEM_USER}", "--clear-groups"]


def _create_cluster(binaries: Path, folder: Path, url: URL) -> None:
    password_file = folder / "password"
    password_file.write_text(f"{url.password}\n")
    password_file.chmod(0o600)
    if os.geteuid() == 0:
        for path in (folder, password_file):
            shutil.chown(path, SYSTEM_USER, SYSTEM_USER)
    command = [binaries / "initdb", "--pgdata", folder / "data", "--username", url.username]
    options = [f"--pwfile={password_file}", "--auth=scram-sha-256", "--encoding=UTF8"]
    subprocess.run(
        [*_as_system_user(), *command, *options, "--locale=C.UTF-8", "--no-sync"],
        check=True,
        capture_output=True,
        cwd=folder,
    )


def _start(binaries: Path, folder: Path, url: URL) -> subprocess.Popen[bytes]:
    settings = {
        "listen_addresses": url.host,
        "port": url.port,
        "unix_socket_directories": "",
        "fsync": "off",
        "max_connections": 200,
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    command = [binaries / "postgres", "-D", folder / "data", *options]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [*_as_system_user(), *dies_with_its_parent(signal.SIGINT), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )


def _answers(url: URL) -> bool:
    try:
        psycopg.connect(
            url.set(drivername="postgresql").render_as_string(hide_password=False),
            connect_timeout=2,
        ).close()
    except psycopg.OperationalError:
        return False
    return True
