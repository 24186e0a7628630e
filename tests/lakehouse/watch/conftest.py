"""A landing folder, a lake with its ledger, and tables of files."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lakehouse.lake.raw_lake import RawLake
from lakehouse.settings import Settings
from lakehouse.source_catalog import Column, Table, TableMeta

MakeTable = Callable[..., Table]


@pytest.fixture
def make_table() -> MakeTable:
    """`make_table("sales", settle_seconds=0)`: a table of files `sales*.csv` with one column."""

    def make(name: str, **meta: Any) -> Table:
        declared = {"load": "append", "pattern": f"{name}*.csv", "settle_seconds": 1, **meta}
        return Table(
            source="shop",
            name=name,
            connector="files",
            block="landing-shop",
            schema_name="raw",
            meta=TableMeta.model_validate(declared),
            columns=(Column(name="id", data_type="integer"),),
            file="_shop__sources.yml",
        )

    return make


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "landing"
    folder.mkdir()
    return folder


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RawLake]:
    for name in [name for name in os.environ if name.startswith("ALJIBE_")]:
        monkeypatch.delenv(name)
    opened = RawLake.of(Settings(home=tmp_path / "home"))
    yield opened
    opened.ledger.engine.dispose()
