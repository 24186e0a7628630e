"""A lake in an empty home, tables to load into it, and files that arrive."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lakehouse.connectors.folder import FoundFile, find_files
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.load_file import load_file
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog, Column, Table, TableMeta

MakeTable = Callable[..., Table]
Deliver = Callable[..., Delivery]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("ALJIBE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    return Settings()


@pytest.fixture
def lake(settings: Settings) -> Iterator[RawLake]:
    opened = RawLake.of(settings)
    yield opened
    opened.ledger.engine.dispose()


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "landing"
    folder.mkdir()
    return folder


@pytest.fixture
def make_table() -> MakeTable:
    """`make_table(load="snapshot", key=["id"], columns={"id": "integer"}, ...)`."""

    def make(
        name: str = "sales",
        *,
        source: str = "shop",
        columns: dict[str, str] | None = None,
        **meta: Any,
    ) -> Table:
        if "regex" not in meta:
            meta.setdefault("pattern", "*")
        declared = columns or {"id": "integer", "city": "varchar"}
        return Table(
            source=source,
            name=name,
            connector="files",
            block="landing",
            schema_name="raw",
            meta=TableMeta.model_validate({"load": "append", **meta}),
            columns=tuple(Column(name=n, data_type=kind) for n, kind in declared.items()),
            file=Path("_shop__sources.yml"),
        )

    return make


@pytest.fixture
def table(make_table: MakeTable) -> Table:
    return make_table()


@pytest.fixture
def put(landing: Path) -> Callable[[str, str | bytes], FoundFile]:
    """Write a file into the landing folder; what `find_files` says of it."""

    def write(name: str, content: str | bytes) -> FoundFile:
        path = landing / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        status = path.stat()
        return FoundFile(name, status.st_size, status.st_mtime_ns)

    return write


@pytest.fixture
def deliver(
    landing: Path, lake: RawLake, table: Table, put: Callable[[str, str | bytes], FoundFile]
) -> Deliver:
    """Write a file and load it: `deliver("a.csv", "id,city\\n1,Salta\\n")`."""

    def one(name: str, content: str | bytes, into: Table | None = None) -> Delivery:
        put(name, content)
        wanted = into or table
        found = next(file for file in find_files(landing, wanted) if file.name == name)
        return load_file(landing, found, wanted, lake, run_id="test")

    return one


@pytest.fixture
def warehouse(settings: Settings, lake: RawLake) -> Callable[..., duckdb.DuckDBPyConnection]:
    """Register tables and open the warehouse."""

    def register(*tables: Table) -> duckdb.DuckDBPyConnection:
        path = settings.warehouse("shop")
        register_raw(Catalog(domain="shop", tables=tables), lake, path, "test")
        return duckdb.connect(str(path))

    return register


@pytest.fixture
def start_python(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start Python code in a child process; children that are left are killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object, **options: Any) -> "subprocess.Popen[str]":
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
            **options,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe:
                pipe.close()
