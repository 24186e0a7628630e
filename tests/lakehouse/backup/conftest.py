"""A lake with some deliveries, and homes to restore into."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from lakehouse.connectors.folder import FoundFile
from lakehouse.lake.audit_database import release_audit_engine
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.load_file import load_file
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog, Column, Table, TableMeta

TABLE = Table(
    source="shop",
    name="sales",
    connector="files",
    block="landing",
    schema_name="raw",
    meta=TableMeta.model_validate({"load": "append", "pattern": "*"}),
    columns=(Column(name="id", data_type="integer"), Column(name="city", data_type="varchar")),
    file=Path("_shop__sources.yml"),
)
Deliver = Callable[..., Delivery]
Home = Callable[..., Settings]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """`home("b", audit_url=...)`: settings of a home of this name."""
    for name in [name for name in os.environ if name.startswith("ALJIBE_")]:
        monkeypatch.delenv(name)
    made: list[Settings] = []

    def make(name: str, **values: object) -> Settings:
        settings = Settings.model_validate({"home": tmp_path / name, **values})
        settings.root.mkdir(exist_ok=True)
        made.append(settings)
        return settings

    yield make
    for settings in made:
        release_audit_engine(settings)


@pytest.fixture
def settings(home: Home) -> Settings:
    return home("home")


@pytest.fixture
def deliver(tmp_path: Path) -> Deliver:
    """Write a file and load it: `deliver(settings, "a.csv", "id,city\\n1,Salta\\n")`."""
    landing = tmp_path / "landing"
    landing.mkdir()

    def one(settings: Settings, name: str, content: str) -> Delivery:
        path = landing / name
        path.write_text(content, encoding="utf-8")
        status = path.stat()
        found = FoundFile(name, status.st_size, status.st_mtime_ns)
        return load_file(landing, found, TABLE, RawLake.of(settings), run_id="test")

    return one


@pytest.fixture
def rows() -> Callable[[Settings], list[tuple[object, ...]]]:
    """Rows that count in a home, each with the number of its batch's deliveries."""

    def read(settings: Settings) -> list[tuple[object, ...]]:
        warehouse = settings.warehouse("shop")
        catalog = Catalog(domain="shop", tables=(TABLE,))
        register_raw(catalog, RawLake.of(settings), warehouse, "test")
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            return connection.execute(
                "select id, city, _batch_id from raw.sales join etl.current_batches "
                "on batch_id = _batch_id order by all"
            ).fetchall()

    return read


@pytest.fixture
def python() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start Python code in a child process, which is killed at the end if it still runs."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> "subprocess.Popen[str]":
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()
