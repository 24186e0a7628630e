"""What dbt has parsed, kept for the same files only, and for other homes where that is wanted.

After a macro changed, dbt 1.11 can leave out the YAML of singular tests: one that is to warn then
stops a publication.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile

from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.fingerprint import project_hash

_CACHE = "partial_parse.msgpack"
_MADE_FROM = "partial_parse.files"


@contextmanager
def parsed_before(build: DbtBuild, shared: Path | None) -> Iterator[None]:
    """Around a dbt build: start from what was parsed of the same files, here or in another home.

    A build with variables of its own is not shared: each value would leave a cache.

    Args:
        build: the build that dbt runs inside.
        shared: folder of the caches of all homes; one that cannot be written is only read.
    """
    files_hash = project_hash(build)
    trust_parse_of(files_hash, build.target_path)
    if shared is None or build.foreign or build.variables:
        yield
        return
    kept = shared / f"{_shared_name(build, files_hash)}.msgpack"
    made = build.target_path / _CACHE
    # Missing also where dbt was killed before it had parsed.
    if not made.exists() and kept.is_file():
        shutil.copyfile(kept, made)
    yield
    if made.is_file() and not kept.exists() and os.access(shared, os.W_OK):
        _put(made, kept)


def take_parse_of(build: DbtBuild, other_target: Path) -> None:
    """Start from what another target folder of the same domain has parsed of the same files."""
    mine, made = build.target_path / _CACHE, other_target / _CACHE
    made_from = other_target / _MADE_FROM
    files_hash = project_hash(build)
    if trust_parse_of(files_hash, build.target_path) and mine.exists():
        return
    if made.is_file() and made_from.is_file() and made_from.read_text("utf-8") == files_hash:
        shutil.copyfile(made, mine)


def trust_parse_of(files_hash: str, target_path: Path) -> bool:
    """Remove the parse cache of a target folder unless it was made from these files.

    Args:
        files_hash: of all files of the project.
        target_path: dbt's target folder.

    Returns:
        Whether the cache may be used.
    """
    made_from = target_path / _MADE_FROM
    if made_from.is_file() and made_from.read_text("utf-8") == files_hash:
        return True
    (target_path / _CACHE).unlink(missing_ok=True)
    target_path.mkdir(parents=True, exist_ok=True)
    made_from.write_text(files_hash, "utf-8")
    return False


def _shared_name(build: DbtBuild, files_hash: str) -> str:
    made_with = [
        files_hash,
        str(build.project_dir),
        build.warehouse.name,
        build.target,
        *(version(package) for package in ("dbt-core", "dbt-duckdb")),
    ]
    return f"{build.domain}-{hashlib.sha256(json.dumps(made_with).encode()).hexdigest()[:16]}"


def _put(source: Path, kept: Path) -> None:
    with NamedTemporaryFile(dir=kept.parent, delete=False) as half, source.open("rb") as content:
        shutil.copyfileobj(content, half)
    # A cache that is part of an image is made by another user than the one that reads it.
    Path(half.name).chmod(0o644)
    Path(half.name).replace(kept)
