"""A SQLite file as a source, and an empty lake that its tables are loaded into."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import URL, func, select

from lakehouse.lake.audit_schema import deliveries, rejected_rows
from lakehouse.lake.load_database import load_tables
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog, Column, Table, TableMeta
from lakehouse.table_load import TableLoad

Write = Callable[..., None]
MakeTable = Callable[..., Table]
LoadOne = Callable[[Table], TableLoad]
Ask = Callable[[Table, str], list[tuple[Any, ...]]]
Reasons = Callable[[], list[tuple[str, str, bool]]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A name that SQLite's URLs and URIs would take for something else."""
    return tmp_path / "tienda #1?50%&mode=rw.db"


@pytest.fixture
def url(file: Path) -> URL:
    return URL.create("sqlite", database=str(file))


@pytest.fixture
def write(file: Path) -> Write:
    """`write("create table t (a)", ("insert into t values (?)", rows))`."""

    def run(*statements: str | tuple[str, list[tuple[Any, ...]]]) -> None:
        with closing(sqlite3.connect(file)) as connection, connection:
            for statement in statements:
                if isinstance(statement, str):
                    connection.execute(statement)
                else:
                    connection.executemany(*statement)

    return run


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RawLake]:
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    opened = RawLake.of(Settings())
    yield opened
    opened.ledger.engine.dispose()


@pytest.fixture
def make_table() -> MakeTable:
    """`make_table("t", {"id": "bigint"}, load="incremental", key=["id"], cursor=..., ...)`."""

    def make(name: str, columns: dict[str, str], *, load: str = "snapshot", **meta: Any) -> Table:
        options = {key: meta.pop(key) for key in ("relation", "overlap") if key in meta}
        return Table(
            source="shop",
            name=name,
            connector="database",
            block="shop-database",
            schema_name="raw",
            meta=TableMeta.model_validate({"load": load, "database": options, **meta}),
            columns=tuple(Column(name=column, data_type=kind) for column, kind in columns.items()),
            file=Path("_shop__sources.yml"),
        )

    return make


@pytest.fixture
def load_one(url: URL, lake: RawLake) -> LoadOne:
    """Load a table; what became of it."""

    def load(table: Table) -> TableLoad:
        (loaded,) = load_tables(url, [table], lake, "test")
        return loaded

    return load


@pytest.fixture
def raw(lake: RawLake) -> Ask:
    """Ask the lake about a table, which is called `raw.<name>` in the SQL."""

    def ask(table: Table, sql: str) -> list[tuple[Any, ...]]:
        path = lake.settings.warehouse("shop")
        register_raw(Catalog(domain="shop", tables=(table,)), lake, path, "test")
        with duckdb.connect(str(path)) as warehouse:
            warehouse.execute("set timezone = 'UTC'")
            return warehouse.execute(sql).fetchall()

    return ask


@pytest.fixture
def reasons(lake: RawLake) -> Reasons:
    """What was said of the cells of the newest delivery: column, reason, whether loaded."""

    def said() -> list[tuple[str, str, bool]]:
        columns = (rejected_rows.c.column_name, rejected_rows.c.reason, rejected_rows.c.row_loaded)
        newest = select(func.max(deliveries.c.delivery_id)).scalar_subquery()
        query = select(*columns).where(rejected_rows.c.delivery_id == newest).order_by(*columns)
        with lake.ledger.engine.connect() as books:
            return [tuple(row) for row in books.execute(query)]

    return said
