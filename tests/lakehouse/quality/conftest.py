import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import Engine

from lakehouse.lake.audit_database import audit_engine
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.quality.dbt_results import BuildResults, parse_results
from lakehouse.settings import Settings

PROJECT = Path(__file__).parent / "tiny_project"


@pytest.fixture
def make_manifest() -> Callable[..., Manifest]:
    """A manifest from short nodes: `model.p.a` with whatever fields are given."""

    def make(nodes: dict[str, dict[str, Any]], **sections: Any) -> Manifest:
        full: dict[str, dict[str, Any]] = {}
        units: dict[str, dict[str, Any]] = {}
        sources: dict[str, dict[str, Any]] = {}
        for unique_id, given in nodes.items():
            kind = unique_id.split(".")[0]
            name = unique_id.split(".")[2 if kind != "source" else 3]
            parents = given.get("parents", [])
            node = {
                "unique_id": unique_id,
                "name": name,
                "resource_type": kind,
                "database": "warehouse",
                "schema": "main" if kind != "test" else "dq_audit",
                "alias": name,
                "config": {},
                **{key: value for key, value in given.items() if key != "parents"},
                "depends_on": {"nodes": parents},
            }
            {"unit_test": units, "source": sources}.get(kind, full)[unique_id] = node
        return Manifest({"nodes": full, "sources": sources, "unit_tests": units, **sections})

    return make


@pytest.fixture
def make_results(make_manifest: Callable[..., Manifest]) -> Callable[..., BuildResults]:
    """Results of a manifest from a status, or an entry, for each node."""

    def make(manifest: Manifest, entries: dict[str, Any]) -> BuildResults:
        results = [
            {
                "unique_id": unique_id,
                "execution_time": 0.5,
                "relation_name": f'"warehouse"."dq_audit"."{unique_id.split(".")[2]}"'
                if unique_id.startswith("test.")
                else None,
                **({"status": entry} if isinstance(entry, str) else entry),
            }
            for unique_id, entry in entries.items()
        ]
        return parse_results(
            {
                "metadata": {
                    "generated_at": "2026-11-21T06:03:00Z",
                    "invocation_id": "run-1",
                    "dbt_version": "1.11.0",
                },
                "results": results,
                "elapsed_time": 2.5,
            },
            manifest,
        )

    return make


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Callable[[str], duckdb.DuckDBPyConnection]]:
    """Runs SQL in a new DuckDB file and opens it again, read-only, as the reports do."""
    path = tmp_path / "warehouse.duckdb"
    opened: list[duckdb.DuckDBPyConnection] = []

    def build(sql: str) -> duckdb.DuckDBPyConnection:
        with duckdb.connect(path) as writer:
            writer.execute("create schema if not exists dq_audit")
            writer.execute(sql)
        opened.append(duckdb.connect(path, read_only=True))
        return opened[-1]

    yield build
    for connection in opened:
        connection.close()


@pytest.fixture(scope="session")
def built_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny dbt project after one real `dbt build`, in which some tests fail."""
    folder = tmp_path_factory.mktemp("dbt") / "project"
    shutil.copytree(PROJECT, folder)
    built = subprocess.run(
        [Path(sys.executable).parent / "dbt", "build", "--profiles-dir", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (folder / "target" / "run_results.json").exists(), built.stdout + built.stderr
    return folder


@pytest.fixture
def audit(tmp_path: Path) -> Engine:
    """A new audit database."""
    return audit_engine(Settings(home=tmp_path / "home"))
