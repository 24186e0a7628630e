"""`python -m demo.stand_ins FILE`: sample data, and techstore on loopback.

FILE gets the TECHSTORE_* variables when they are ready, readable by its owner only; SIGTERM or
Ctrl-C ends them, and removes it.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from demo.domains import DOMAINS, techstore_folder
from demo.techstore_sources import running_sources
from lakehouse.errors import AljibeError
from lakehouse.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="demo.stand_ins", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--scale", type=int, default=1, help="times the data; default 1")
    chosen = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = load_settings()
    for domain in DOMAINS.values():
        domain.write(settings, chosen.scale)
    with running_sources(techstore_folder(settings)) as variables:
        _tell(chosen.file, variables)
        try:
            stop.wait()
        finally:
            chosen.file.unlink(missing_ok=True)
    return 0


def _tell(path: Path, variables: Mapping[str, str]) -> None:
    half = path.with_name(f"{path.name}.tmp")
    half.unlink(missing_ok=True)
    half.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in variables.items())
    half.replace(path)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AljibeError as error:
        sys.exit(f"demo.stand_ins: {error}")
