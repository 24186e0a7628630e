"""What a worker says of itself, beside the logs of its runs."""

import sys
from datetime import UTC, datetime


def say(text: str) -> None:
    """Write a line to standard error."""
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(f"{moment} worker: {text}", file=sys.stderr, flush=True)
