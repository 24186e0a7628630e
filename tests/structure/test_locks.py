"""The lock files: plain pins with hashes, from whatever index, that hold what pyproject asks."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIN = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9._-]*)(\[[a-z0-9, _-]+\])?==(?P<version>[0-9][\w.+!-]*)"
    r"( ; [^\\]+)? \\"
)
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
RUNTIME, DEV, SPARK, DAGSTER, PEERS = (
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-spark.lock",
    "benchmarks/requirements-dagster.lock",
    "benchmarks/requirements-peers.lock",
)


def faults_of(text: str) -> list[str]:
    """Lines of a lock file that are neither a pin that goes on with a hash nor a hash."""
    faults = []
    hash_must_follow = False
    for number, line in enumerate(text.splitlines(), start=1):
        if hash_must_follow and not HASH.fullmatch(line):
            faults.append(f"line {number}: a hash must stand here: {line}")
        elif not hash_must_follow and not PIN.fullmatch(line):
            faults.append(f"line {number}: not a plain `name==version` with hashes: {line}")
        hash_must_follow = line.endswith("\\")
    return faults


def pins(text: str) -> dict[str, set[str]]:
    """Versions of each package; two where they differ by Python version."""
    found: dict[str, set[str]] = {}
    for match in (PIN.fullmatch(line) for line in text.splitlines()):
        if match:
            found.setdefault(canonicalize_name(match["name"]), set()).add(match["version"])
    return found


def missing(requirements: list[str], locked: dict[str, set[str]]) -> list[str]:
    """Requirements that no pin fulfils."""
    faults = []
    for requirement in map(Requirement, requirements):
        versions = locked.get(canonicalize_name(requirement.name), set())
        if not versions or not all(requirement.specifier.contains(v) for v in versions):
            shown = ", ".join(sorted(versions)) or "nothing"
            faults.append(f"{requirement}: the lock holds {shown}; run `make lock`")
    return faults


@pytest.mark.parametrize("name", [RUNTIME, DEV, SPARK, DAGSTER, PEERS])
def test_lock_holds_only_pins_with_hashes(root: Path, name: str) -> None:
    faults = faults_of((root / name).read_text("utf-8"))
    assert not faults, f"{name}, write it with `make lock`:\n" + "\n".join(faults)


@pytest.mark.parametrize(
    "text",
    [
        "duckdb>=1.5 \\\n    --hash=sha256:" + "0" * 64,
        "duckdb==1.5.5",
        "duckdb==1.5.5 \\\nrich==15.0.0 \\\n    --hash=sha256:" + "0" * 64,
        "--index-url https://index.example/simple",
        "duckdb @ https://index.example/duckdb.whl \\\n    --hash=sha256:" + "0" * 64,
        "-e .",
    ],
)
def test_a_line_that_is_no_hashed_pin_is_found(text: str) -> None:
    assert faults_of(text)


def test_locks_hold_every_dependency_of_the_project(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    faults = missing(project["dependencies"], pins((root / RUNTIME).read_text("utf-8")))
    dev = project["dependencies"] + project["optional-dependencies"]["dev"]
    faults += missing(dev, pins((root / DEV).read_text("utf-8")))
    spark = project["dependencies"] + project["optional-dependencies"]["spark"]
    faults += missing(spark, pins((root / SPARK).read_text("utf-8")))
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("name", [DEV, SPARK])
def test_the_other_locks_of_the_project_hold_the_runtime_lock(root: Path, name: str) -> None:
    runtime = pins((root / RUNTIME).read_text("utf-8"))
    other = pins((root / name).read_text("utf-8"))
    differing = [name for name, versions in runtime.items() if other.get(name) != versions]
    assert not differing, f"run `make lock`, the two locks differ in: {', '.join(differing)}"


def test_a_dependency_that_the_lock_lacks_is_found() -> None:
    locked = {"duckdb": {"1.5.5"}, "numpy": {"2.4.6", "2.5.5"}}
    assert missing(["duckdb==1.5.5", "numpy"], locked) == []
    assert len(missing(["duckdb>=2", "paramiko", "numpy>=2.5"], locked)) == 3
