"""A database of a test's own server as a source, and an empty lake that it is loaded into."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from servers.mariadb import connect_to
from sqlalchemy import URL

from lakehouse.lake.load_database import load_tables
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.progress import Progress
from lakehouse.source_catalog import Catalog, Column, Table, TableMeta
from lakehouse.table_load import TableLoad


@dataclass(frozen=True)
class DatabaseSource:
    """Tables of one MySQL database, and what the lake has of them."""

    url: URL
    lake: RawLake

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements on the server; the rows of the last one."""
        with connect_to(self.url) as session, session.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def table(self, name: str, columns: dict[str, str], **meta: Any) -> Table:
        """A declared table; `load` is snapshot unless told otherwise."""
        return make_database_table(name, columns, **meta)

    def load(
        self, *tables: Table, on_progress: Callable[[Progress], None] = lambda _: None
    ) -> list[TableLoad]:
        """Load tables in one snapshot."""
        return load_tables(self.url, tables, self.lake, "test", on_progress)

    def raw(self, table: Table, sql: str) -> list[tuple[Any, ...]]:
        """Ask the lake about a table, which is called `raw.<name>` in the SQL."""
        path = self.lake.settings.warehouse("shop")
        register_raw(Catalog(domain="shop", tables=(table,)), self.lake, path, "test")
        with duckdb.connect(str(path)) as warehouse:
            warehouse.execute("set timezone = 'UTC'")
            return warehouse.execute(sql).fetchall()

    def raw_count(self, name: str) -> tuple[int]:
        """Rows of the newest load of a table, by the ledger."""
        table = make_database_table(name, {"id": "integer"})
        newest = self.lake.ledger.newest_load(table)
        return (newest.rows_loaded if newest else 0,)

    def files(self) -> list[Path]:
        """Every file of the lake and of its scratch, but the locks."""
        found = [*self.lake.settings.raw.rglob("*"), *self.lake.settings.scratch.rglob("*")]
        return [path for path in found if path.is_file() and path.suffix != ".lock"]


def make_database_table(
    name: str, columns: dict[str, str], *, load: str = "snapshot", **meta: Any
) -> Table:
    """A table of a source `shop` with connector database; options of databases go beside load."""
    options = ("relation", "overlap", "invalid_dates", "range_column", "connections")
    database = {option: meta.pop(option) for option in options if option in meta}
    return Table(
        source="shop",
        name=name,
        connector="database",
        block="shop-database",
        schema_name="raw",
        meta=TableMeta.model_validate({"load": load, "database": database, **meta}),
        columns=tuple(Column(name=column, data_type=kind) for column, kind in columns.items()),
        file=Path("_shop__sources.yml"),
    )


def loaded_rows(loads: Sequence[TableLoad]) -> list[int]:
    """New rows of each table."""
    return [load.rows_loaded for load in loads]
