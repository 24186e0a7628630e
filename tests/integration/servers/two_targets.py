"""One domain over one RAW lake, built by the library alone into a DuckDB file and a DuckLake."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
from sqlalchemy import URL

from lakehouse.connectors.folder import LocalFolder
from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.load_file import load_file
from lakehouse.lake.pending_files import look_for_files
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.lake.warehouse import Warehouse, warehouse_of
from lakehouse.quality.build_results import BuildResults
from lakehouse.quality.dbt_results import read_results
from lakehouse.settings import Settings
from lakehouse.source_catalog import load_catalog
from lakehouse.sql_quoting import sql_identifier
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.dbt_process import run_dbt
from lakehouse.transform.passing_faults import build_until_settled


@dataclass(frozen=True)
class Contents:
    """Types, rows and a digest of a relation, whatever the order of its rows."""

    columns: tuple[tuple[str, str], ...]
    rows: int
    digest: int


@dataclass
class TwoTargets:
    """A domain in one home, with the settings of both targets."""

    embedded: Settings
    lake: Settings
    domain: str

    @classmethod
    def of(cls, home: Path, catalog: URL, domain: str, data: str | None = None) -> "TwoTargets":
        """An empty home; `catalog` is an empty database of its own."""
        url = catalog.render_as_string(hide_password=False)
        return cls(
            Settings(home=home, target="embedded"),
            Settings(home=home, target="lake", lake_catalog_url=url, lake_data=data),
            domain,
        )

    def load(self) -> None:
        """Load what waits in the landing folder."""
        landing = self.embedded.landing(self.domain)
        raw = RawLake.of(self.embedded)
        for table in load_catalog(self.embedded.project_dir, self.domain).tables:
            for file in look_for_files(LocalFolder(landing), table, raw, pause=_no_pause).files:
                if file.pending:
                    load_file(landing, file.found, table, raw)

    def register(self, settings: Settings) -> None:
        """Make RAW visible."""
        catalog = load_catalog(settings.project_dir, self.domain)
        register_raw(catalog, RawLake.of(settings), self.warehouse(settings), "test")

    def dbt_build(
        self, settings: Settings, select: str | None = None, **changes: object
    ) -> DbtBuild:
        """A build into one target, with a target folder of its own."""
        build = DbtBuild.of(settings, self.domain, select=select)
        folder = settings.root / "target" / f"{self.domain}-{settings.target}"
        return replace(build, **{"target_path": folder, **changes})

    def build(
        self, settings: Settings, select: str | None = None, **changes: object
    ) -> BuildResults:
        """Register and build."""
        self.register(settings)
        build = self.dbt_build(settings, select, **changes)
        run(build)
        return read_results(build.target_path)

    def warehouse(self, settings: Settings) -> Warehouse:
        """The warehouse of a target."""
        return warehouse_of(settings, self.domain)


def run(build: DbtBuild) -> list[str]:
    """Run a build to its end as a task does; returns dbt's lines that tell of trouble."""
    build.working_dir.mkdir(parents=True, exist_ok=True)
    build.target_path.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    build_until_settled(
        build,
        lambda: run_dbt(
            [*build.arguments(), "--profiles-dir", str(build.profiles_dir)],
            build.child_environment(),
            timeout=600,
            on_line=lambda line: lines.append(line.text) if line.level != "info" else None,
            working_dir=build.working_dir,
        ),
        lambda nodes, _seconds: lines.append(f"again: {nodes}"),
    )
    return lines


def contents(warehouse: Warehouse, schemas: Sequence[str] = ()) -> dict[str, Contents]:
    """Everything that a warehouse holds, by `schema.relation`."""
    with open_warehouse(warehouse, read_only=True) as connection:
        relations = connection.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_catalog = current_database() order by all"
        ).fetchall()
        return {
            f"{schema}.{name}": _contents(connection, schema, name)
            for schema, name in relations
            if not schemas or schema in schemas
        }


def _contents(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> Contents:
    relation = f"{sql_identifier(schema)}.{sql_identifier(name)}"
    columns = connection.execute(f"describe from {relation}").fetchall()
    row = connection.execute(
        f'select count(*), coalesce(sum(hash("r")::hugeint), 0) from {relation} as "r"'
    ).fetchone()
    assert row is not None
    return Contents(tuple((one[0], one[1]) for one in columns), row[0], row[1])


def _no_pause(_seconds: float) -> None:
    """Nobody writes to the landing folder of a test."""
