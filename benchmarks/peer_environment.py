"""Virtual environments of what ours is measured against, each with its own lock."""

import hashlib
import os
import subprocess
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("ALJIBE_HOME", HERE.parent / "data")) / "benchmarks"


def make_environment(name: str, cache: Path) -> Path:
    """Make an environment once for each version of its lock.

    Args:
        name: "dagster" or "peers", of which there is a `requirements-<name>.lock`.
        cache: folder that keeps the environments.

    Returns:
        The absolute folder of its executables.

    Raises:
        subprocess.CalledProcessError: pip cannot install what the lock names.
    """
    lock = HERE / f"requirements-{name}.lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    folder = cache.expanduser().resolve() / f"{name}-{digest}"
    executables, complete = folder / "bin", folder / "complete"
    if not complete.exists():
        venv.create(folder, clear=True, with_pip=True)
        pip = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r"]
        subprocess.run([executables / "python", *pip, lock], check=True)
        complete.touch()
    return executables
