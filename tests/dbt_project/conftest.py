"""A scratch warehouse with raw tables as a load would leave them, and dbt builds on it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lakehouse.source_catalog import load_catalog

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).resolve().parent))

Row = Sequence[Any]


@dataclass(frozen=True)
class Delivery:
    """A delivered file: its rows in the order of the contract, and when it came."""

    table: str
    file: str
    rows: Sequence[Row]
    sequence: int = 1
    current: bool = True
    source: str = "pharma_files"

    @property
    def batch(self) -> str:
        return f"{self.file}#{self.sequence}"


@dataclass
class Build:
    """What a dbt command left behind."""

    returncode: int
    output: str
    warehouse: Path
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)

    def status(self, name: str) -> str:
        return self.results[name]["status"]

    def not_passed(self) -> dict[str, str]:
        good = ("pass", "success", "no-op")
        return {n: r["status"] for n, r in self.results.items() if r["status"] not in good}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()


class Project:
    """A domain of a dbt project with one warehouse path, so that dbt parses it once."""

    def __init__(self, project_dir: Path, work: Path, domain: str = "pharma_latam") -> None:
        self.project_dir = project_dir
        self.work = work
        self.domain = domain
        self.warehouse = work / "warehouse.duckdb"

    def deliver(self, deliveries: Sequence[Delivery], domain: str | None = None) -> None:
        """Make the raw tables and `etl.current_batches` anew; built tables stay."""
        catalog = load_catalog(self.project_dir, domain or self.domain)
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute("create schema if not exists raw")
            connection.execute("create schema if not exists etl")
            connection.execute(
                "create or replace table etl.current_batches "
                "(source_name varchar, table_name varchar, batch_id varchar, sequence bigint)"
            )
            for table in catalog.tables:
                columns = ", ".join(f'"{name}" {kind}' for name, kind in table.lake_columns)
                connection.execute(
                    f"create or replace table raw.{table.name} ({columns}, _batch_id varchar, "
                    "_extracted_at timestamptz, _source_file varchar, _source_line bigint)"
                )
            for delivery in deliveries:
                self._insert(connection, delivery)

    def _insert(self, connection: duckdb.DuckDBPyConnection, delivery: Delivery) -> None:
        extracted_at = f"2024-03-01 06:00:{delivery.sequence:02d}+00"
        for line, row in enumerate(delivery.rows, start=2):
            values = [*row, delivery.batch, extracted_at, delivery.file, line]
            marks = ", ".join("?" for _ in values)
            connection.execute(f"insert into raw.{delivery.table} values ({marks})", values)
        if delivery.current:
            connection.execute(
                "insert into etl.current_batches values (?, ?, ?, ?)",
                [delivery.source, delivery.table, delivery.batch, delivery.sequence],
            )

    def dbt(self, *arguments: str) -> Build:
        """Run dbt and keep a copy of the warehouse as it was left."""
        target = self.work / "target"
        (target / "run_results.json").unlink(missing_ok=True)
        command = [str(Path(sys.executable).parent / "dbt"), *arguments]
        if arguments[0] == "build" and "--select" not in arguments:
            parts = ("models", "seeds", "tests/singular")
            folders = [f"{part}/{self.domain}" for part in parts]
            there = [folder for folder in folders if (self.project_dir / folder).is_dir()]
            command += ["--select", *(f"path:{folder}" for folder in there)]
        command += ["--project-dir", str(self.project_dir), "--profiles-dir", str(self.project_dir)]
        command += ["--target-path", str(target), "--log-path", str(self.work / "log")]
        command += ["--no-use-colors"]
        environment = {**os.environ, "ALJIBE_WAREHOUSE": str(self.warehouse)}
        done = subprocess.run(
            command, cwd=self.work, env=environment, capture_output=True, text=True, check=False
        )
        # Views name their database, which is the file's stem: the copy keeps it.
        kept = Path(tempfile.mkdtemp(prefix="after_", dir=self.work)) / self.warehouse.name
        shutil.copy(self.warehouse, kept)
        build = Build(done.returncode, done.stdout + done.stderr, kept)
        if (target / "run_results.json").is_file():
            results = json.loads((target / "run_results.json").read_text())["results"]
            build.manifest = json.loads((target / "manifest.json").read_text())
            build.results = {_name(result["unique_id"]): result for result in results}
        return build

    def return_to(self, build: Build) -> None:
        """Put the warehouse back as that build left it."""
        shutil.copy(build.warehouse, self.warehouse)

    def scenario(self, deliveries: Sequence[Delivery], *options: str) -> Build:
        """Deliver into an empty warehouse and build."""
        self.warehouse.unlink(missing_ok=True)
        self.deliver(deliveries)
        return self.dbt("build", *options)


def _name(unique_id: str) -> str:
    kind, _, rest = unique_id.split(".", 2)
    return rest.split(".")[1] if kind == "unit_test" else rest.split(".")[0]


ARG: tuple[Row, ...] = (
    ("ARG-001", "2024-01-15", "AMOX500", 100, "850.50", "ARS"),
    ("ARG-002", "2024-01-15", "IBUP400", 200, "320.00", "ARS"),
    ("ARG-003", "2024-02-01", "AMOX500", 50, "870.00", "ARS"),
)
BRA: tuple[Row, ...] = (
    ("BRA-001", "2024-01-20", "AMOX500", 80, "45.90", "BRL"),
    ("BRA-002", "2024-01-22", "IBUP400", 150, "18.50", "BRL"),
)
PRODUCTOS: tuple[Row, ...] = (
    ("AMOX500", "Amoxicilina 500mg", "Laboratorio Bago", "Antibióticos"),
    ("IBUP400", "Ibuprofeno 400mg", "Roemmers", "Antiinflamatorios"),
)


@pytest.fixture(scope="session")
def delivery() -> type[Delivery]:
    return Delivery


@pytest.fixture(scope="session")
def smallest() -> Callable[..., list[Delivery]]:
    """The smallest deliveries, with rows added to a country's file."""

    def make(extra: Mapping[str, Sequence[Row]] | None = None) -> list[Delivery]:
        added = extra or {}
        return [
            Delivery("productos", "productos.csv", PRODUCTOS),
            Delivery("ventas_arg", "ventas_arg.csv", [*ARG, *added.get("arg", ())]),
            Delivery("ventas_bra", "ventas_bra.csv", [*BRA, *added.get("bra", ())]),
        ]

    return make


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project as it stands."""
    return Project(ROOT / "dbt", tmp_path_factory.mktemp("dbt_work"))


@pytest.fixture
def copied_project(tmp_path: Path) -> Project:
    """A copy of the project, to be edited, below `<folder>/dbt` as in the repository."""
    copy = tmp_path / "repository" / "dbt"
    ignored = shutil.ignore_patterns("target", "logs")
    shutil.copytree(ROOT / "dbt", copy, ignore=ignored)
    work = tmp_path / "work"
    work.mkdir()
    return Project(copy, work)
