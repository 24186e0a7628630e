"""A dashboard over small published tables, asked without a server."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from lakehouse.dashboard.access import Access
from lakehouse.dashboard.app import dashboard_app
from lakehouse.dashboard.site import Site
from lakehouse.settings import Settings

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "integration"))

from servers.published_tables import PASSWORD, TABLES, write_copy


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("ALJIBE_SERVING_URL", "ALJIBE_REPORTS_TARGET", "ALJIBE_DASHBOARD_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return Settings(home=tmp_path / "home")


@pytest.fixture
def published(settings: Settings) -> Callable[..., Path]:
    """Publish a domain, or all of them."""

    def _publish(domain: str | None = None, number: int = 1) -> Path:
        folder = settings.serving("any").parent
        for name in [domain] if domain else list(TABLES):
            path = write_copy(folder, name, number)
        return path

    return _publish


@pytest.fixture
def stranger(settings: Settings) -> Iterator[TestClient]:
    """A browser without a session."""
    app = dashboard_app(Site.of(settings), Access(SecretStr(PASSWORD)))
    with TestClient(app, follow_redirects=False) as client:
        yield client


@pytest.fixture
def reader(stranger: TestClient) -> TestClient:
    """A browser that has logged in."""
    assert stranger.post("/login", data={"password": PASSWORD}).status_code == 303
    return stranger
