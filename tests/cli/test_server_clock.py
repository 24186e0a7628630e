"""The moment at a Prefect API, from the date that each of its answers bears."""

import asyncio
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prefect.client.orchestration import PrefectClient

from cli.worker.server_clock import server_now


def test_the_api_says_what_time_it_is_also_where_it_refuses():
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(404)
            self.send_header("Date", "Mon, 30 Nov 2026 06:00:00 GMT")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Nothing to the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    async def ask() -> datetime:
        async with PrefectClient(f"http://127.0.0.1:{server.server_port}/api") as client:
            return await server_now(client)

    try:
        assert asyncio.run(ask()) == datetime(2026, 11, 30, 6, tzinfo=UTC)
    finally:
        server.shutdown()
        server.server_close()
