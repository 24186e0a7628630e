"""A Prefect database for the blocks of these tests only."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.testing.utilities import prefect_test_harness

from lakehouse.settings import Settings


@pytest.fixture(scope="module")
def prefect_database() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=180):
        yield


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith(("ALJIBE_", "PHARMA_"))]:
        monkeypatch.delenv(name)
    return Settings(home=tmp_path / "home")
