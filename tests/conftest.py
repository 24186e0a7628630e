"""One Prefect API for the tests of a process that need one; each module finds no saved block."""

# ruff: noqa: PLC0415 - tests of pure code do not wait for the import of Prefect

import os
from collections.abc import Iterator
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

_PARSED = pytest.StashKey[TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Spare each new home the five seconds of a data catalog, and those in which dbt parses.

    Tests about the catalog ask for one. The processes of pytest-xdist take the folder of the first.
    """
    # A busy machine is not a fault of an example.
    settings.register_profile("aljibe", deadline=None)
    settings.load_profile("aljibe")
    os.environ.setdefault("ALJIBE_DATA_CATALOG", "false")
    if "ALJIBE_PARSE_DIR" not in os.environ:
        config.stash[_PARSED] = TemporaryDirectory(prefix="aljibe-parsed-")
        os.environ["ALJIBE_PARSE_DIR"] = config.stash[_PARSED].name


def pytest_unconfigure(config: pytest.Config) -> None:
    if _PARSED in config.stash:
        del os.environ["ALJIBE_PARSE_DIR"]
        config.stash[_PARSED].cleanup()


@pytest.fixture(scope="session")
def prefect_test_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A temporary Prefect server; it takes as long to start as most tests of flows."""
    from prefect.settings import (
        PREFECT_LOCAL_STORAGE_PATH,
        PREFECT_LOGGING_TO_API_ENABLED,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness

    stored = {
        PREFECT_LOCAL_STORAGE_PATH: str(tmp_path_factory.mktemp("results")),
        PREFECT_LOGGING_TO_API_ENABLED: False,
    }
    with prefect_test_harness(server_startup_timeout=180), temporary_settings(stored):
        yield


@pytest.fixture(scope="module")
def prefect_database(prefect_test_api: None) -> Iterator[None]:
    """The Prefect API; blocks that a module saves, which win over declared ones, go with it."""
    from prefect.client.orchestration import get_client

    yield
    with get_client(sync_client=True) as client:
        for block in client.read_block_documents():
            client.delete_block_document(block.id)
