"""A PostgreSQL of this machine's own binaries, for `deploy/local`: on loopback, in the home."""

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from cli.side_by_side import Service, SideBySide
from lakehouse.errors import SettingsInvalid

_INSTALLED = Path("/usr/lib/postgresql")
_USER = "postgres"
_START_SECONDS = 60.0


def start_postgres(services: SideBySide, folder: Path, password: str) -> str:
    """Start the server of a folder, which is made at the first start.

    Args:
        services: that it becomes one of; it is stopped after all others.
        folder: of the cluster.
        password: of its superuser `postgres`.

    Returns:
        URL of the database `postgres`.

    Raises:
        SettingsInvalid: it is not installed, cannot be made, or does not start.
    """
    if os.geteuid() == 0:
        raise SettingsInvalid(
            "PostgreSQL does not run as root. Start deploy/local as another user, or name a "
            "server: ADMIN_DATABASE_URL=postgresql://postgres:...@127.0.0.1:5432/postgres"
        )
    binaries = _binaries()
    if not (folder / "PG_VERSION").exists():
        _create(binaries, folder, password)
    port = _free_port()
    options = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 100,
    }
    command = [str(binaries / "postgres"), "-D", str(folder)]
    command += [f"--{name}={value}" for name, value in options.items()]
    # Fast shutdown: on SIGTERM it would wait for the last client to leave.
    services.add(Service("postgres", command, layer=-2, stop_signal=signal.SIGINT))
    _wait(services, port)
    return f"postgresql://{_USER}:{password}@127.0.0.1:{port}/postgres"


def _binaries() -> Path:
    versions = [
        path.parent
        for path in _INSTALLED.glob("*/bin/initdb")
        if re.fullmatch(r"\d+", path.parent.parent.name)
    ]
    if not versions:
        raise SettingsInvalid(
            "PostgreSQL is not installed (Debian: apt-get install postgresql). Install it, or "
            "name a server in ADMIN_DATABASE_URL."
        )
    return max(versions, key=lambda path: int(path.parent.name))


def _create(binaries: Path, folder: Path, password: str) -> None:
    """Make a cluster, whole or not at all."""
    with tempfile.TemporaryDirectory(prefix="postgres-", dir=folder.parent) as unfinished:
        word = Path(unfinished) / "password"
        word.touch(mode=0o600)
        word.write_text(f"{password}\n", "ascii")
        made = Path(unfinished) / "data"
        command = [str(binaries / "initdb"), "--pgdata", str(made), "--username", _USER]
        options = [f"--pwfile={word}", "--auth=scram-sha-256", "--encoding=UTF8"]
        done = subprocess.run(
            [*command, *options, "--locale=C.UTF-8"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SettingsInvalid(f"initdb could not make {folder}: {done.stderr.strip()}")
        made.rename(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(services: SideBySide, port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not services.is_asked_to_stop:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() >= deadline:
                raise SettingsInvalid("PostgreSQL did not start; its log is above.") from None
            services.look()
            time.sleep(0.2)
        else:
            return
