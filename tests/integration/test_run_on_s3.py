"""A whole run with RAW in a bucket and its ledger in PostgreSQL ends as one in a folder does."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from demo.pharma_deliveries import seed_deliveries

pytestmark = pytest.mark.integration


def run(environment: dict[str, str], home: Path) -> "subprocess.CompletedProcess[str]":
    seed_deliveries(home / "landing" / "pharma_latam")
    done = subprocess.run(
        [Path(sys.executable).parent / "aljibe", "run", "pharma_latam"],
        env={**environment, "ALJIBE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def published(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every published table, without the moments of the run."""
    with duckdb.connect(str(home / "serving" / "pharma_latam.duckdb"), read_only=True) as copy:
        tables = copy.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        return {
            f"{schema}.{table}": copy.execute(
                f"select columns(c -> c not like '%\\_at' escape '\\') from {schema}.{table} "
                "order by all"
            ).fetchall()
            for schema, table in tables
        }


@pytest.fixture
def shared(prefect_api, postgres_database, s3_bucket) -> dict[str, str]:
    return {
        **os.environ,
        **prefect_api,
        "ALJIBE_RAW_URL": f"{s3_bucket}/raw",
        "ALJIBE_AUDIT_URL": postgres_database.render_as_string(hide_password=False),
    }


@pytest.mark.soak
def test_the_same_rows_are_published_as_from_a_folder_and_no_secret_is_told(
    shared, prefect_api, postgres_database, s3_server, tmp_path
):
    run({**os.environ, **prefect_api}, tmp_path / "embedded")
    done = run(shared, tmp_path / "one")
    wanted = published(tmp_path / "embedded")
    assert wanted["consume.fct_ventas_latam"]
    assert published(tmp_path / "one") == wanted
    assert not list((tmp_path / "one").rglob("*.parquet"))
    secrets = [s3_server["AWS_SECRET_ACCESS_KEY"], postgres_database.password]
    for secret in filter(None, secrets):
        assert secret not in done.stdout + done.stderr
    for path in (tmp_path / "one").rglob("*"):
        if path.is_file() and path.stat().st_size < 2**24:
            assert secrets[0].encode() not in path.read_bytes(), path


@pytest.mark.soak
def test_a_second_host_without_a_warehouse_builds_its_own(shared, tmp_path):
    run(shared, tmp_path / "one")
    assert "nothing new" in run(shared, tmp_path / "one").stdout
    run(shared, tmp_path / "two")
    assert published(tmp_path / "two") == published(tmp_path / "one")
