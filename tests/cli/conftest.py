"""The command `aljibe` as its users start it: another process, in an empty home."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def aljibe(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the command; variables of the caller's own Prefect and Aljibe do not count."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ALJIBE_", "PREFECT_", "PHARMA_"))
    }

    def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [Path(sys.executable).parent / "aljibe", *arguments],
            env={
                **kept,
                "ALJIBE_HOME": str(tmp_path / "home"),
                "PREFECT_HOME": str(tmp_path / "prefect"),
                "COLUMNS": "200",
                **environment,
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
