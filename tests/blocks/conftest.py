"""Settings that no variable of the caller changes."""

import os
from pathlib import Path

import pytest

from lakehouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith(("ALJIBE_", "PHARMA_"))]:
        monkeypatch.delenv(name)
    return Settings(home=tmp_path / "home")
