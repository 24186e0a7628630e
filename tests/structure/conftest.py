"""What the structure tests look at: the files of the project, tracked or about to be."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def project_files() -> list[Path]:
    """Every file that git tracks or would add, as paths relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        names = [Path(name) for name in listed.stdout.split("\0") if name]
    else:
        skipped = {".git", ".venv", "data", "__pycache__"}
        paths = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        names = [path for path in paths if not skipped & set(path.parts)]
    return sorted(path for path in names if (ROOT / path).is_file())


@pytest.fixture(scope="session")
def python_files(project_files: list[Path]) -> list[Path]:
    """The Python files among them."""
    return [path for path in project_files if path.suffix == ".py"]
