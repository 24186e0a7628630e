"""What a build depends on, as one hash: equal hashes would give equal tables."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from lakehouse.lake.ledger import CurrentBatch
from lakehouse.transform.dbt_command import DbtBuild

_NOT_SOURCE = {"target", "logs", ".venv", ".git", "__pycache__"}
_ENV_VAR = re.compile(rb"""env_var\(\s*['"]([^'"]+)['"]""")


def build_fingerprint(build: DbtBuild, current: Iterable[CurrentBatch]) -> str:
    """Hash the project's files, the build's options, dbt's version and the current batches.

    So are the environment variables that the project's files name. The batches count in the order
    of their newest deliveries, which decides between the rows of an incremental table.
    """
    files, variables = _read(build)
    state = {
        "files": files,
        "options": [
            build.select,
            build.exclude,
            build.target,
            build.full_refresh,
            json.dumps(build.variables, sort_keys=True),
        ],
        "environment": {name: os.environ.get(name) for name in sorted(variables)},
        "versions": [version("dbt-core"), version("dbt-duckdb"), version("duckdb")],
        "batches": [
            (batch.source_name, batch.table_name, batch.batch_id)
            for batch in sorted(current, key=lambda b: (b.source_name, b.table_name, b.sequence))
        ],
    }
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def project_hash(build: DbtBuild) -> str:
    """Hash of all files that dbt parses for a build."""
    return hashlib.sha256(json.dumps(_read(build)[0]).encode()).hexdigest()


def _read(build: DbtBuild) -> tuple[list[tuple[str, str]], set[str]]:
    found: list[tuple[str, str]] = []
    variables: set[str] = set()
    for name, path in sorted(_sources(build)):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            # An editor's temporary file, gone since the folder was listed.
            continue
        found.append((name, hashlib.sha256(content).hexdigest()))
        variables.update(match.decode(errors="replace") for match in _ENV_VAR.findall(content))
    return found, variables - set(build.environment())


def _sources(build: DbtBuild) -> Iterator[tuple[str, Path]]:
    yield "profiles.yml", build.profiles_dir / "profiles.yml"
    for path in build.project_dir.rglob("*"):
        relative = path.relative_to(build.project_dir)
        if path.is_file() and not _NOT_SOURCE.intersection(relative.parts):
            yield f"project/{relative.as_posix()}", path
