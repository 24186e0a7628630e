"""The virtual environment of the libraries that ours is measured against."""

import hashlib
import subprocess
import venv
from pathlib import Path

LOCK = Path(__file__).with_name("requirements-peers.lock")


def make_peer_environment(cache: Path) -> Path:
    """Make the environment once for each version of its lock.

    Returns:
        Its Python.
    """
    folder = cache / f"peers-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        venv.create(folder, clear=True, with_pip=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCK]
        subprocess.run(pip, check=True)
        complete.touch()
    return python
