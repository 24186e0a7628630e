"""A table of an API, loaded from the tests' own server into a RAW lake."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from servers.http_api import HttpApiServer

from lakehouse.connectors.api.access import ApiAccess
from lakehouse.connectors.api.load_api_table import load_api_table
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog, Column, Table, TableMeta

Load = Callable[[Table], Delivery]


@pytest.fixture(name="lake")
def lake_fixture(tmp_path: Path) -> RawLake:
    return RawLake.of(Settings(home=tmp_path / "home"))


def make_table(columns: dict[str, str], *, load: str = "snapshot", **meta: Any) -> Table:
    """`make_table({"id": "integer"}, path="/v1/x", each=..., records="$.data", format="csv")`."""
    names = ("path", "params", "each", "paging", "optional")
    api = {name: meta.pop(name) for name in names if name in meta}
    if "records" in meta:
        meta["file"] = {"records": meta.pop("records")}
    return Table(
        source="shop",
        name="sales",
        connector="api",
        block="shop-api",
        schema_name="raw",
        meta=TableMeta.model_validate(
            {"load": load, "format": "json", "api": {"path": "/v1/x", **api}, **meta}
        ),
        columns=tuple(Column(name=name, data_type=kind) for name, kind in columns.items()),
        file=Path("_shop__sources.yml"),
    )


@pytest.fixture(name="load")
def load_fixture(http_api: HttpApiServer, lake: RawLake) -> Load:
    """Ask the server for a table and load it, without waiting."""

    def run(table: Table) -> Delivery:
        access = ApiAccess(http_api.url, {"Authorization": "Bearer t0p-s3cr3t"}, block="shop-api")
        return load_api_table(access, table, lake, run_id="run", sleep=lambda _: None)

    return run


@pytest.fixture(name="rows")
def rows_fixture(lake: RawLake) -> Callable[..., list[tuple[Any, ...]]]:
    """Current rows of a table, as `raw.sales` shows them."""

    def read(table: Table, columns: str) -> list[tuple[Any, ...]]:
        warehouse = lake.settings.warehouse("shop")
        register_raw(Catalog(domain="shop", tables=(table,)), lake, warehouse, "test")
        with duckdb.connect(str(warehouse)) as connection:
            return connection.execute(f"select {columns} from raw.sales order by all").fetchall()

    return read


def left_in(scratch: Path) -> list[Path]:
    """Files that a load left behind; its permanent lock is none."""
    return [path for path in scratch.rglob("*") if path.is_file() and path.suffix != ".lock"]
