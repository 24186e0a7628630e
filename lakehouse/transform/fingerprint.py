"""What a build depends on, as one hash: equal hashes would give equal tables."""

import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from lakehouse.lake.ledger import CurrentBatch
from lakehouse.transform.dbt_command import DbtBuild

_NOT_SOURCE = {"target", "logs", ".venv", ".git", "__pycache__"}


def build_fingerprint(build: DbtBuild, current: Iterable[CurrentBatch]) -> str:
    """Hash the project's files, the build's options, dbt's version and the current batches."""
    state = {
        "files": _files(build.project_dir),
        "profiles": _digest(build.profiles_dir / "profiles.yml"),
        "options": [
            build.select,
            build.exclude,
            build.target,
            build.full_refresh,
            json.dumps(build.variables, sort_keys=True),
        ],
        "versions": [version("dbt-core"), version("dbt-duckdb"), version("duckdb")],
        "batches": sorted((b.source_name, b.table_name, b.batch_id) for b in current),
    }
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def _files(root: Path) -> list[tuple[str, str]]:
    found = []
    for path in root.rglob("*"):
        relative = path.relative_to(root)
        if path.is_file() and not _NOT_SOURCE.intersection(relative.parts):
            found.append((relative.as_posix(), _digest(path)))
    return sorted(found)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
