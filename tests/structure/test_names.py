"""Names and sizes of files: one thing a file, named for it, and hiding no installed module."""

import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler", "base"}
MOST_LINES = 350
SOURCE_SUFFIXES = {".py", ".sql", ".sh"}


def is_installed(module: str, root: Path) -> bool:
    """Whether a module of this name comes with Python or lies outside the project."""
    if module in sys.stdlib_module_names:
        return True
    outside = [
        entry
        for entry in sys.path
        if Path(entry).name == "site-packages" or not Path(entry).resolve().is_relative_to(root)
    ]
    return PathFinder.find_spec(module, outside) is not None


def vague_names(paths: list[Path]) -> list[str]:
    """Files and folders whose name says nothing."""
    return [
        f"{path}: {part} says nothing. Name it for what it holds; if no name can be found, its "
        "functions stand in the wrong file"
        for path in paths
        for part in (*path.parts[:-1], path.stem)
        if part.lower().strip("_") in VAGUE
    ]


def too_long(root: Path, paths: list[Path]) -> list[str]:
    """Source files over the limit."""
    faults = []
    for path in paths:
        lines = len((root / path).read_text("utf-8").splitlines())
        if lines > MOST_LINES:
            faults.append(f"{path} has {lines} lines, at most {MOST_LINES}: split it by noun")
    return faults


def test_no_file_in_flows_hides_an_installed_module(root: Path, python_files: list[Path]) -> None:
    flows = [path for path in python_files if path.parts[0] == "flows" and path.stem != "__init__"]
    hidden = [
        f"{path}: Prefect loads a flow file under its bare name, with flows/ first on sys.path, "
        f"so that it hides the installed module {path.stem}. Name it for what the flow does"
        for path in flows
        if is_installed(path.stem, root)
    ]
    assert not hidden, "\n".join(hidden)


@pytest.mark.parametrize("package", ["cli", "flows", "tasks", "blocks", "lakehouse", "demo"])
def test_no_package_has_the_name_of_an_installed_module(root: Path, package: str) -> None:
    assert not is_installed(package, root), f"{package}/ and an installed module hide each other"


@pytest.mark.parametrize("module", ["json", "duckdb", "prefect", "pytest"])
def test_an_installed_module_is_recognised(root: Path, module: str) -> None:
    assert is_installed(module, root)


def test_no_name_is_vague(python_files: list[Path]) -> None:
    faults = vague_names(python_files)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("name", ["lakehouse/utils.py", "tasks/common/retry.py", "cli/_base.py"])
def test_a_vague_name_is_found(name: str) -> None:
    assert len(vague_names([Path(name), Path("lakehouse/errors.py")])) == 1


def test_no_source_file_is_too_long(root: Path, project_files: list[Path]) -> None:
    sources = [path for path in project_files if path.suffix in SOURCE_SUFFIXES]
    assert sources
    faults = too_long(root, sources)
    assert not faults, "\n".join(faults)


def test_a_file_over_the_limit_is_found(tmp_path: Path) -> None:
    (tmp_path / "short.py").write_text("x = 1\n" * MOST_LINES)
    (tmp_path / "long.py").write_text("x = 1\n" * (MOST_LINES + 1))
    (fault,) = too_long(tmp_path, [Path("short.py"), Path("long.py")])
    assert fault.startswith("long.py has 351 lines")
