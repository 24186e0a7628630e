"""A small HTTP server that answers with the files of a folder, on loopback unless told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


@contextmanager
def http_server(folder: Path, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve `<folder>/a/b.json` as `/a/b`; everything else is not found.

    Only files that are there at the start are served, by their whole path.

    Args:
        folder: of the answers.
        host: address to listen on.
        port: 0 takes a free one.

    Yields:
        The base URL.
    """
    answers = {
        "/" + path.relative_to(folder).with_suffix("").as_posix(): path
        for path in folder.rglob("*.json")
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = answers.get(urlsplit(self.path).path)
            status = HTTPStatus.OK if path else HTTPStatus.NOT_FOUND
            body = path.read_bytes() if path else json.dumps({"error": status.phrase}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing: the run's own log tells what was asked."""

    server = ThreadingHTTPServer((host, port), Handler)
    thread = threading.Thread(target=server.serve_forever, name="demo http", daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
