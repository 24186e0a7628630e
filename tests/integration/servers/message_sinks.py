"""Real HTTP and SMTP servers on loopback ports that keep what is sent to them."""

import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class WebhookSink:
    """An HTTP server for posts.

    Attributes:
        address: `host:port`.
        posts: path and JSON body of each post, in order.
        statuses: what is answered next; 200 when none is left.
    """

    address: str
    posts: list[tuple[str, Any]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    @property
    def bodies(self) -> list[Any]:
        """What was posted."""
        return [body for _, body in self.posts]


@dataclass
class MailSink:
    """An SMTP server; `letters` are recipients and message of each delivery."""

    address: str
    letters: list[tuple[list[str], EmailMessage]] = field(default_factory=list)


@contextmanager
def running_webhook() -> Iterator[WebhookSink]:
    """Serve until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sink.posts.append((self.path, json.loads(content or b"null")))
            self.send_response(sink.statuses.pop(0) if sink.statuses else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sink = WebhookSink(f"127.0.0.1:{server.server_address[1]}")
    with _serving(server):
        yield sink


@contextmanager
def running_mail_server() -> Iterator[MailSink]:
    """Serve until the end of the block; takes every letter without a login."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 sink")
            recipients: list[str] = []
            while line := self.rfile.readline():
                command = line.decode().strip()
                verb = command.partition(" ")[0].upper()
                if verb == "RCPT":
                    recipients.append(command.partition("<")[2].partition(">")[0])
                if verb == "DATA":
                    self._say("354 go on")
                    sink.letters.append((recipients, self._letter()))
                    recipients = []
                self._say("221 bye" if verb == "QUIT" else "250 ok")
                if verb == "QUIT":
                    return

        def _letter(self) -> EmailMessage:
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line)
            letter = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
            assert isinstance(letter, EmailMessage)
            return letter

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sink = MailSink(f"127.0.0.1:{server.server_address[1]}")
    with _serving(server):
        yield sink


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
