"""A real Prefect server with its own home, which also evaluates automations."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from servers.child_process import dies_with_its_parent, free_port, stop, wait_until_ready

from cli.prefect_environment import SERVER_ON_SQLITE


@contextmanager
def running_prefect_server(home: Path, start_seconds: float = 120) -> Iterator[dict[str, str]]:
    """Start `prefect server start` on a free loopback port.

    Args:
        home: folder for the server's and its clients' PREFECT_HOME; kept afterwards.
        start_seconds: how long it may take until its API is healthy.

    Yields:
        The PREFECT_* variables with which a client reaches it.

    Raises:
        ServerStartError: with the end of its log.
    """
    port = free_port()
    home.mkdir(parents=True, exist_ok=True)
    variables = {
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_HOME": str(home),
        # Without it the UI asks port 4200 for its data, whatever port it was served from.
        "PREFECT_SERVER_UI_API_URL": "/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_MEMO_STORE_PATH": str(home / "memo_store.toml"),
        "DO_NOT_TRACK": "1",
        **SERVER_ON_SQLITE,
    }
    log_file = home / "server.log"
    server = [sys.executable, "-m", "prefect", "server", "start"]
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [*dies_with_its_parent(signal.SIGTERM), *server, f"--port={port}", "--host=127.0.0.1"],
            env=without_prefect(os.environ) | variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home,
            start_new_session=True,
        )
    try:
        url = f"{variables['PREFECT_API_URL']}/health"
        wait_until_ready(process, lambda: _is_healthy(url), log_file, start_seconds)
        yield variables
    finally:
        stop(process, signal.SIGTERM)


def without_prefect(environment: os._Environ[str] | dict[str, str]) -> dict[str, str]:
    """The environment without anybody's Prefect settings."""
    return {key: value for key, value in environment.items() if not key.startswith("PREFECT_")}


def _is_healthy(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
