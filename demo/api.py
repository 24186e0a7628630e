"""`python -m demo.api FOLDER`: write the answers of techstore's two HTTP APIs, and serve them."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from demo.http_server import http_server
from demo.techstore_feeds import write_answers
from demo.techstore_shop import Shop


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(prog="demo.api", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=int, default=1, help="times the data; default 1")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8080))
    chosen = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    write_answers(Shop(scale=chosen.scale), chosen.folder)
    with http_server(chosen.folder, chosen.host, chosen.port) as url:
        print(f"demo.api: at {url}", file=sys.stderr, flush=True)  # noqa: T201
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
