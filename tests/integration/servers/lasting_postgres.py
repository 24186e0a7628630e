"""A PostgreSQL that keeps its data and port over kills and restarts."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from servers import postgres
from servers.child_process import ServerStartError, free_port, stop, wait_until_ready
from sqlalchemy import URL


class LastingPostgres:
    """A server that can be killed and started again.

    Attributes:
        url: SQLAlchemy URL of its superuser.
    """

    def __init__(self) -> None:
        """Make an empty cluster; raises `PostgresMissingError`."""
        self._binaries = postgres.postgres_binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="aljibe-postgres-"))
        self.url = URL.create(
            "postgresql+psycopg",
            username="aljibe",
            # As a password may be: it has to be quoted in a URL.
            password=f"{secrets.token_urlsafe(12)}@/:%",
            host="127.0.0.1",
            port=free_port(),
            database="postgres",
        )
        self._process: subprocess.Popen[bytes] | None = None
        postgres._create_cluster(self._binaries, self._folder, self.url)

    def start(self, seconds: float = 60) -> None:
        """Start, again if need be until the remains of the killed one are gone."""
        for left in range(20, -1, -1):
            self._process = postgres._start(self._binaries, self._folder, self.url)
            try:
                wait_until_ready(
                    self._process,
                    lambda: postgres._answers(self.url),
                    self._folder / "log",
                    seconds,
                )
            except ServerStartError:
                if not left:
                    raise
            else:
                return

    def kill(self) -> None:
        """Kill -9 the postmaster; its children end themselves."""
        if self._process:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """Stop it and remove its data."""
        if self._process:
            stop(self._process, signal.SIGINT)
        shutil.rmtree(self._folder)
