"""A real MariaDB of the machine's own binaries, on a free loopback port, gone afterwards."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql
from servers.certificate import write_certificate
from servers.child_process import dies_with_its_parent, free_port, stop, wait_until_ready
from sqlalchemy import URL

SYSTEM_USER = "mysql"
SBIN = "/usr/sbin:/usr/local/sbin"
SMALL_POOL = "128M"


class MariaDbMissingError(Exception):
    """This machine cannot start a MariaDB; the message says what to install."""


@dataclass
class MariaDbServer:
    """A running server, which a test may stop and start again.

    Attributes:
        url: SQLAlchemy URL of its superuser, without a database.
        folder: data folder, socket and log.
        buffer_pool: memory in which InnoDB keeps tables.
    """

    url: URL
    folder: Path
    process: subprocess.Popen[bytes]
    buffer_pool: str = SMALL_POOL

    @property
    def certificate(self) -> Path:
        """What it shows to whoever asks for TLS."""
        return self.folder / "certificate.pem"

    def restart(self, start_seconds: float = 60) -> None:
        """Stop the server as its own shutdown does, and start it on the same port and data."""
        stop(self.process, signal.SIGTERM)
        self.process = _start(self.folder, self.url, self.buffer_pool)
        wait_until_ready(
            self.process, lambda: _answers(self.url), self.folder / "log", start_seconds
        )


def mariadb_binary(name: str) -> Path:
    """Path of a program of the server.

    Raises:
        MariaDbMissingError: it is not installed, or root has no user to run it as.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SBIN}")
    if not found:
        raise MariaDbMissingError("MariaDB is not installed: sudo apt-get install mariadb-server")
    if os.geteuid() == 0 and (not shutil.which("setpriv") or not _system_user()):
        raise MariaDbMissingError(
            f"MariaDB refuses to run as root, and setpriv or the user {SYSTEM_USER} is missing"
        )
    return Path(found)


@contextmanager
def running_mariadb(
    start_seconds: float = 60, buffer_pool: str = SMALL_POOL
) -> Iterator[MariaDbServer]:
    """Start a server in a new folder; at the end stop it and remove the folder.

    Args:
        start_seconds: how long it may take until it answers.
        buffer_pool: memory in which InnoDB keeps tables, such as `1G`.

    Raises:
        MariaDbMissingError: see `mariadb_binary`.
        ServerStartError: with the end of its log.
    """
    mariadb_binary("mariadbd")
    folder = Path(tempfile.mkdtemp(prefix="aljibe-mariadb-"))
    url = URL.create(
        "mysql+pymysql",
        username="root",
        password=secrets.token_urlsafe(16),
        host="127.0.0.1",
        port=free_port(),
    )
    try:
        _create_data(folder, url)
        process = _start(folder, url, buffer_pool)
        server = MariaDbServer(url, folder, process, buffer_pool)
        try:
            wait_until_ready(server.process, lambda: _answers(url), folder / "log", start_seconds)
            yield server
        finally:
            stop(server.process, signal.SIGTERM)
    finally:
        shutil.rmtree(folder)


def connect_to(url: URL, **options: object) -> "pymysql.Connection[pymysql.cursors.Cursor]":
    """A plain driver's connection to a URL, committing every statement."""
    return pymysql.connect(
        host=url.host or "127.0.0.1",
        port=url.port or 3306,
        user=url.username,
        password=url.password or "",
        database=url.database,
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=5,
        **options,  # type: ignore[arg-type]
    )


def _system_user() -> pwd.struct_passwd | None:
    return next((user for user in pwd.getpwall() if user.pw_name == SYSTEM_USER), None)


def _as_system_user() -> list[str]:
    """Prefix that runs a command as the system user when this process is root's."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={SYSTEM_USER}", f"--regid={SYSTEM_USER}", "--clear-groups"]


def _create_data(folder: Path, url: URL) -> None:
    first = folder / "first.sql"
    # The server reads it at every start, so it says what shall be, not what to change.
    first.write_text(
        f"create or replace user root@localhost identified by '{url.password}';\n"
        f"create or replace user root@'127.0.0.1' identified by '{url.password}';\n"
        "grant all privileges on *.* to root@'127.0.0.1' with grant option;\n"
    )
    first.chmod(0o600)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    write_certificate(certificate, key)
    if os.geteuid() == 0:
        for path in (folder, first, certificate, key):
            shutil.chown(path, SYSTEM_USER, SYSTEM_USER)
    command = [mariadb_binary("mariadb-install-db"), "--no-defaults", "--skip-test-db"]
    options = [f"--datadir={folder / 'data'}", "--auth-root-authentication-method=normal"]
    subprocess.run(
        [*_as_system_user(), *command, *options], check=True, capture_output=True, cwd=folder
    )


def _start(folder: Path, url: URL, buffer_pool: str) -> subprocess.Popen[bytes]:
    settings = {
        "datadir": folder / "data",
        "socket": folder / "socket",
        "pid-file": folder / "pid",
        "init-file": folder / "first.sql",
        "ssl-cert": folder / "certificate.pem",
        "ssl-key": folder / "key.pem",
        "bind-address": url.host,
        "port": url.port,
        "innodb-flush-log-at-trx-commit": 0,
        "innodb-buffer-pool-size": buffer_pool,
        "max-allowed-packet": "64M",
        "character-set-server": "utf8mb4",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    command = [mariadb_binary("mariadbd"), "--no-defaults", "--skip-name-resolve", *options]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [*_as_system_user(), *dies_with_its_parent(signal.SIGTERM), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )


def _answers(url: URL) -> bool:
    try:
        connect_to(url).close()
    except pymysql.err.OperationalError:
        return False
    return True
