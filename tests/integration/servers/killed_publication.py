"""Publish a domain and die by SIGKILL: `killed_publication.py URL FOLDER MODULE NAME WHEN`."""

import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers.published_domain import PublishedDomain
from sqlalchemy import make_url


def main(url: str, folder: str, module: str, name: str, when: str) -> None:
    """Arm the point and publish."""
    home = importlib.import_module(module)
    real = getattr(home, name)

    def deadly(*args: Any, **kwargs: Any) -> Any:
        if when == "after":
            real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(home, name, deadly)
    PublishedDomain(make_url(url), Path(folder), builds=10).publish("sales", "customers")


if __name__ == "__main__":
    main(*sys.argv[1:])
