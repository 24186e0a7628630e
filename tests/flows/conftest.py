"""A Prefect API for the tests of flows, and an empty home for each of them."""

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact, State

from flows.elt import elt
from lakehouse.settings import Settings, load_settings

ReadArtifacts = Callable[[str], list[Artifact]]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module", autouse=True)
def prefect(prefect_database: None) -> None:
    """Every test here runs flows."""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PHARMA_LANDING", raising=False)
    loaded = load_settings()
    loaded.landing("pharma_latam").mkdir(parents=True)
    return loaded


@pytest.fixture
def landing(settings: Settings) -> Path:
    return settings.landing("pharma_latam")


@pytest.fixture
def artifacts() -> ReadArtifacts:
    """Every artifact of a key, the newest first."""

    def _read(key: str) -> list[Artifact]:
        with get_client(sync_client=True) as client:
            found = client.read_artifacts(
                artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
            )
        return sorted(found, key=lambda artifact: str(artifact.created), reverse=True)

    return _read


@pytest.fixture
def warehouse(settings: Settings) -> Query:
    def _query(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(settings.warehouse("pharma_latam")), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return _query


@pytest.fixture
def serving(settings: Settings) -> Query:
    def _query(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(settings.serving("pharma_latam")), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return _query


@pytest.fixture
def deliver(landing: Path) -> Callable[[str, str], None]:
    """Put a file as a sender does: whole, and with a time of its own."""

    def _put(name: str, text: str) -> None:
        (landing / f"{name}.part").write_text(text, encoding="utf-8")
        (landing / f"{name}.part").rename(landing / name)

    return _put


@pytest.fixture
def run() -> Callable[..., State[Any]]:
    """Run `elt` of pharma_latam once."""
    return lambda **parameters: elt("pharma_latam", return_state=True, **parameters)


@pytest.fixture
def sales(serving: Query) -> Callable[[], list[tuple[str, Decimal]]]:
    """Invoices and dollars as readers see them."""
    return lambda: serving(
        "select invoice_id, venta_total_usd from consume.fct_ventas_latam order by 1"
    )


@pytest.fixture
def repeated_in_argentina() -> str:
    """A file of Argentina in which an invoice stands twice."""
    return (
        "invoice_id,fecha,producto_cod,cantidad,precio_unit,moneda\n"
        "ARG-001,2024-01-15,AMOX500,100,850.50,ARS\n"
        "ARG-001,2024-01-15,AMOX500,9,1.00,ARS\n"
    )


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What a local server of notifications was sent."""
    got: list[str] = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Nothing to the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("ALJIBE_NOTIFY_URL", f"json://127.0.0.1:{server.server_port}/")
    yield got
    server.shutdown()
    server.server_close()
