"""Starting and stopping the servers that tests run: loopback ports, one process by its id."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class ServerStartError(Exception):
    """A server ended or stayed silent while a test waited for it."""


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def dies_with_its_parent(stop_signal: signal.Signals) -> list[str]:
    """Prefix of a command that gets `stop_signal` when the test process is killed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", stop_signal.name.removeprefix("SIG")] if setpriv else []


def wait_until_ready(
    process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path, seconds: float
) -> None:
    """Ask `ready` until it says so.

    Raises:
        ServerStartError: with the end of the server's log.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        ended = process.poll() is not None
        if ended or time.monotonic() > deadline:
            why = f"ended with {process.returncode}" if ended else f"not ready after {seconds} s"
            tail = "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-20:])
            raise ServerStartError(f"{process.args}: {why}\n{tail}")
        time.sleep(0.1)


def stop(
    process: subprocess.Popen[bytes], stop_signal: signal.Signals, seconds: float = 20
) -> None:
    """End the process with `stop_signal`, and kill it when it does not obey in time."""
    if process.poll() is not None:
        return
    process.send_signal(stop_signal)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run_to_end(command: Sequence[object], environment: Mapping[str, str], folder: Path) -> str:
    """Run a command in a folder; what it said on standard output, once it ended well."""
    done = subprocess.run(
        [str(word) for word in command],
        env=dict(environment),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
