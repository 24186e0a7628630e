"""Services of one image beside each other, each in a hardened container of its own."""

import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from servers.child_process import free_port
from servers.postgres import running_postgres
from try_image import Image

UID = 10001


@dataclass
class Deployment:
    """Services of one image, with the secrets that they were given."""

    image: Image
    folder: Path
    secrets: dict[str, str]
    variables: dict[str, dict[str, str]]
    server_port: int
    health_port: int
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    def data(self, role: str) -> Path:
        path = self.lake if role == "worker" else self.folder / role
        if not path.exists():
            path.mkdir(mode=0o750)
            os.chown(path, UID, UID)
        return path

    def once(self, role: str, *arguments: str, check: bool = True, **more: str) -> str:
        given = {**self.variables.get(role, {}), **more}
        command = self.image.command({"/data": self.data(role)}, arguments, given)
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        with (self.folder / "once.log").open("a") as log:
            log.write(done.stdout + done.stderr)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def start(self, role: str, *arguments: str) -> "subprocess.Popen[bytes]":
        command = self.image.command({"/data": self.data(role)}, arguments, self.variables[role])
        with (self.folder / f"{role}.log").open("ab") as log:
            self.started.append(subprocess.Popen(command, stdout=log, stderr=log))
        return self.started[-1]

    def log(self, role: str) -> str:
        return (self.folder / f"{role}.log").read_text("utf-8", errors="replace")

    def wait(self, role: str, url: str, seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if httpx.get(url, timeout=2).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, self.log(role)[-3000:]
            time.sleep(0.5)


def first_process(unshare: "subprocess.Popen[bytes]") -> psutil.Process:
    """Process 1 of what runs apart."""
    return psutil.Process(unshare.pid).children()[0]


@contextmanager
def deployed(image: Image, folder: Path) -> Iterator[Deployment]:
    names = ("prefect", "audit", "serving", "reader", "login", "dashboard", "operators")
    words = {name: f"clave{secrets.token_hex(16)}" for name in names}
    server_port, health_port = free_port(), free_port()
    with running_postgres() as postgres:
        place = f"127.0.0.1:{postgres.url.port}"

        def url(user: str, database: str, driver: str = "psycopg") -> str:
            return f"postgresql+{driver}://{user}:{words[user]}@{place}/{database}"

        databases = {
            "ADMIN_DATABASE_URL": postgres.url.render_as_string(hide_password=False),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": url("prefect", "prefect", "asyncpg"),
            "ALJIBE_AUDIT_URL": url("audit", "audit"),
            "ALJIBE_SERVING_URL": url("serving", "serving"),
            "ALJIBE_READER_URL": url("reader", "serving"),
        }
        runs = {
            "PREFECT_API_URL": f"http://127.0.0.1:{server_port}/api",
            "PREFECT_API_AUTH_STRING": f"admin:{words['login']}",
            "ALJIBE_AUDIT_URL": databases["ALJIBE_AUDIT_URL"],
            "ALJIBE_SERVING_URL": databases["ALJIBE_SERVING_URL"],
            "ALJIBE_NOTIFY_OPERATORS_URL": f"json://127.0.0.1:1/{words['operators']}",
            "ALJIBE_WORKER_NAME": "worker",
            "ALJIBE_HEALTH_PORT": str(health_port),
        }
        server = {
            "PORT": str(server_port),
            "PREFECT_SERVER_API_AUTH_STRING": f"admin:{words['login']}",
            **{k: v for k, v in databases.items() if k.startswith("PREFECT")},
        }
        variables = {"databases": databases, "server": server, "bootstrap": runs, "worker": runs}
        words["postgres"] = str(postgres.url.password)
        deployment = Deployment(image, folder, words, variables, server_port, health_port)
        try:
            yield deployment
        finally:
            for process in deployment.started:
                process.kill()
                process.wait()
