"""dbt and the catalog read the same files: they must see the same sources."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lakehouse.settings import PROJECT_ROOT
from lakehouse.source_catalog import known_domains, load_catalog
from lakehouse.transform.dbt_command import dbt_executable

PROJECT = PROJECT_ROOT / "dbt"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("target")
    parsed = subprocess.run(
        [
            dbt_executable(),
            "--log-level-file",
            "none",
            "parse",
            "--project-dir",
            PROJECT,
            "--profiles-dir",
            PROJECT,
            "--target-path",
            target,
        ],
        env={**os.environ, "ALJIBE_WAREHOUSE": str(target / "w.duckdb")},
        cwd=target,
        capture_output=True,
        text=True,
        check=False,
    )
    assert parsed.returncode == 0, parsed.stdout
    return json.loads((target / "manifest.json").read_text())


def sources_of(manifest: dict[str, Any], domain: str) -> dict[str, dict[str, Any]]:
    return {
        f"{node['source_name']}.{node['name']}": node
        for node in manifest["sources"].values()
        if Path(node["original_file_path"]).parts[1] == domain
    }


@pytest.mark.parametrize("domain", known_domains(PROJECT))
def test_catalog_and_dbt_see_the_same_tables_columns_and_meta(manifest, domain):
    seen = sources_of(manifest, domain)
    tables = load_catalog(PROJECT, domain).tables
    assert {table.full_name for table in tables} == set(seen)
    for table in tables:
        node = seen[table.full_name]
        assert (table.schema_name, table.name) == (node["schema"], node["identifier"])
        assert [(c.name, c.data_type) for c in table.columns] == [
            (column["name"], (column["data_type"] or "varchar").lower())
            for column in node["columns"].values()
        ]
        meta = {**node["source_meta"], **node["config"]["meta"]}
        assert (table.meta.load, list(table.meta.key)) == (meta["load"], meta.get("key", []))
        assert (table.connector, table.block) == (meta["connector"], meta["block"])
        pii = [c.name for c in table.columns if c.pii]
        assert pii == [
            name
            for name, column in node["columns"].items()
            if column.get("config", {}).get("meta", {}).get("pii")
        ]


def test_every_source_of_dbt_belongs_to_a_domain(manifest):
    seen = {name for domain in known_domains(PROJECT) for name in sources_of(manifest, domain)}
    assert len(seen) == len(manifest["sources"])
