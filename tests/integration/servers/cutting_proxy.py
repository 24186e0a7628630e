"""A TCP proxy on loopback that cuts connections after so many bytes, and then lets them through."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PIECE = 64 << 10


@dataclass
class CuttingProxy:
    """Bytes between clients and a server on 127.0.0.1.

    Attributes:
        target: port of the server.
        cut_after: for each connection that is still to be cut, in their order, the bytes from the
            server after which it is.
        port: on which it listens.
        cuts: connections that were cut.
        passed: bytes that went from the server to clients.
        on_bytes: told `passed` after each piece.
    """

    target: int
    cut_after: list[int]
    port: int = 0
    cuts: int = 0
    passed: int = 0
    on_bytes: Callable[[int], None] = lambda _passed: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                client.close()
                continue
            for source, sink, limited in ((client, server, False), (server, client, True)):
                threading.Thread(
                    target=self._pass, args=(source, sink, limited), daemon=True
                ).start()

    def _pass(self, source: socket.socket, sink: socket.socket, limited: bool) -> None:
        with self._lock:
            left = self.cut_after.pop(0) if limited and self.cut_after else None
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE):
                sink.sendall(piece if left is None else piece[:left])
                if not limited:
                    continue
                with self._lock:
                    self.passed += len(piece)
                self.on_bytes(self.passed)
                if left is not None:
                    left -= len(piece)
                    if left <= 0:
                        self.cuts += 1
                        break
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def cutting_proxy(target: int, *cut_after: int) -> Iterator[CuttingProxy]:
    """Start a proxy in front of the server on port `target`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = CuttingProxy(target, list(cut_after), listener.getsockname()[1])
        threading.Thread(target=proxy.serve, args=(listener,), daemon=True).start()
        yield proxy
