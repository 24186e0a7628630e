"""A real HTTP server on a free loopback port that answers as a test tells it to."""

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request that came in; names of headers are in lower case."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """What is sent back.

    Attributes:
        cut: bytes after which the connection ends, although more were promised.
        hold: silence before the first byte, until the server stops or the seconds are over.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    hold: float = 0


def answer(content: Any, *, packed: bool = False, **headers: str) -> Reply:
    """A good reply: bytes or text as they are, anything else as JSON."""
    if not isinstance(content, bytes | str):
        content = json.dumps(content, ensure_ascii=False)
    body = content.encode() if isinstance(content, str) else content
    named = {"Content-Type": "application/json"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    if packed:
        return Reply(200, gzip.compress(body), {**named, "Content-Encoding": "gzip"})
    return Reply(200, body, named)


Script = Reply | Callable[[Asked], Reply]


class HttpApiServer:
    """Scripted answers by path; each is used once, the last one for ever after."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self.stopped = threading.Event()
        self._scripts: dict[str, list[Script]] = {}
        self._guard = threading.Lock()

    def on(self, path: str, *scripts: Script) -> None:
        """Answer `path` with these, in order."""
        self._scripts[path] = list(scripts)

    def paths(self) -> list[str]:
        """Paths that were asked for, in order."""
        return [asked.path for asked in self.asked]

    def reply(self, asked: Asked) -> Reply:
        """The next answer to a request."""
        with self._guard:
            self.asked.append(asked)
            scripts = self._scripts.get(asked.path)
            if not scripts:
                return Reply(404)
            script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        return script(asked) if callable(script) else script


@contextmanager
def running_http_api() -> Iterator[HttpApiServer]:
    """Serve until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = api.reply(Asked(parts.path, dict(parse_qsl(parts.query)), headers))
            if reply.hold:
                api.stopped.wait(reply.hold)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if "Transfer-Encoding" not in reply.headers:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body[: reply.cut])
            if reply.cut is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_: object) -> None:
            """A client that left is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    api = HttpApiServer(f"http://127.0.0.1:{server.server_address[1]}")
    serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    serving.start()
    try:
        yield api
    finally:
        api.stopped.set()
        server.shutdown()
        server.server_close()
        serving.join()
