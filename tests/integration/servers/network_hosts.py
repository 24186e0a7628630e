"""Hosts of a test: network namespaces joined by a bridge that this machine listens on."""

import asyncio
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from servers.child_process import dies_with_its_parent

# Of the range that RFC 2544 keeps for tests of networks.
ADDRESS = "198.18.0.1"
_NETWORK_BITS = 24


class NamespacesMissingError(Exception):
    """This machine cannot make network namespaces; the message says what is missing."""


class NetworkHost:
    """A host with an address of its own, which can be taken off the network."""

    def __init__(self, name: str, number: int, bridge: str) -> None:
        self.name, self._namespace = name, f"aljibe-{name}-{os.getpid()}"
        self._link = f"aj{name}{os.getpid()}"
        inside = f"198.18.0.{10 + number}/{_NETWORK_BITS}"
        _ip("netns", "add", self._namespace)
        _ip("link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns",
            self._namespace)  # fmt: skip
        _ip("link", "set", self._link, "master", bridge, "up")
        _ip("-n", self._namespace, "address", "add", inside, "dev", "eth0")
        for device in ("eth0", "lo"):
            _ip("-n", self._namespace, "link", "set", device, "up")

    def start(
        self, command: Sequence[str | Path], environment: Mapping[str, str], log: Path
    ) -> "subprocess.Popen[bytes]":
        """Start a process on the host."""
        with log.open("ab") as out:
            return subprocess.Popen(
                [
                    *dies_with_its_parent(signal.SIGKILL),
                    *("ip", "netns", "exec", self._namespace, *command),
                ],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=log.parent,
                start_new_session=True,
            )

    def pids(self) -> list[int]:
        """Processes that run there."""
        found = _ip("netns", "pids", self._namespace)
        return [int(one) for one in found.split()]

    def vanish(self) -> int:
        """Cut it off, so that its connections are never closed, then end all of it.

        Returns:
            How many processes it had.
        """
        _ip("link", "set", self._link, "down")
        pids = self.pids()
        self._kill()
        return len(pids)

    def remove(self) -> None:
        """End all of it."""
        self._kill()
        _ip("netns", "delete", self._namespace)

    def _kill(self) -> None:
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)


@contextmanager
def joined_hosts(names: Sequence[str]) -> Iterator[list[NetworkHost]]:
    """Make hosts that reach what listens on `ADDRESS`, and each other, and nothing else.

    Raises:
        NamespacesMissingError: this is not root, or `ip` is not installed.
    """
    if os.geteuid() != 0:
        raise NamespacesMissingError("Network namespaces need root.")
    if not shutil.which("ip"):
        raise NamespacesMissingError("ip is not installed: sudo apt-get install iproute2")
    bridge = f"aj{os.getpid()}"
    _ip("link", "add", bridge, "type", "bridge")
    hosts: list[NetworkHost] = []
    try:
        _ip("address", "add", f"{ADDRESS}/{_NETWORK_BITS}", "dev", bridge)
        _ip("link", "set", bridge, "up")
        hosts += [NetworkHost(name, number, bridge) for number, name in enumerate(names)]
        yield hosts
    finally:
        for host in hosts:
            host.remove()
        _ip("link", "delete", bridge)


@contextmanager
def reachable(port: int) -> Iterator[None]:
    """Let hosts reach a port of this machine's loopback, under the same number on `ADDRESS`."""
    loop = asyncio.new_event_loop()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while some := await reader.read(1 << 16):
                writer.write(some)
                await writer.drain()
        except ConnectionError:
            pass  # The other side hears of it when its own stream is closed below.
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    server = loop.run_until_complete(asyncio.start_server(serve, ADDRESS, port))
    thread = threading.Thread(target=loop.run_forever, name=f"to port {port}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NamespacesMissingError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout
