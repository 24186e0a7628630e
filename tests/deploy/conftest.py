"""What the tests of deployment look at: the project's own files, parsed."""

import re
import sys
from pathlib import Path

import pytest
import typer
import yaml

from cli.main import app

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
sys.path.insert(0, str(ROOT / "tests" / "deploy"))
sys.path.insert(0, str(ROOT / "tests" / "integration"))


@pytest.fixture(scope="session")
def project() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def compose() -> dict:
    return yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))


@pytest.fixture(scope="session")
def roles() -> set[str]:
    """First words that the image's entry point takes: commands of `aljibe`, and its own."""
    entry = (ROOT / "deploy" / "entrypoint").read_text("utf-8")
    own = {
        word.strip()
        for line in re.findall(r"^  ([\w |-]+)\)", entry, re.MULTILINE)
        for word in line.split("|")
    }
    assert {"bootstrap", "databases", "demo-fill", "demo-api"} <= own
    return own | set(typer.main.get_command(app).commands)
