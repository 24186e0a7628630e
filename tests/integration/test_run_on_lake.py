"""Whole runs on the target lake, by settings alone: published, rolled back, tidied, read."""

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from demo.pharma_deliveries import seed_deliveries
from lakehouse.settings import PROJECT_ROOT
from lakehouse.source_catalog import known_domains

pytestmark = [pytest.mark.integration, pytest.mark.soak, pytest.mark.timeout(1800)]
DOMAIN = "pharma_latam"
SALES = "select invoice_id, venta_total_usd from consume.fct_ventas_latam order by all"
MORE = "invoice_id,fecha,producto_cod,cantidad,precio_unit,moneda\n"


def aljibe(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [Path(sys.executable).parent / "aljibe", *words],
        env={**environment, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for secret in (environment["PGPASSWORD"], environment.get("AWS_SECRET_ACCESS_KEY")):
        assert not secret or secret not in done.stdout + done.stderr
    return done.stdout


def published(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every published table, without the moments of the run."""
    with duckdb.connect(str(home / "serving" / f"{DOMAIN}.duckdb"), read_only=True) as copy:
        tables = copy.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        return {
            f"{schema}.{table}": copy.execute(
                f"select columns(c -> c not like '%\\_at' escape '\\') from {schema}.{table} "
                "order by all"
            ).fetchall()
            for schema, table in tables
        }


def read(environment: dict[str, str], home: Path, *version: str) -> str:
    """The sales as a reader has them who runs the SQL that the command shows."""
    shown = aljibe(environment, "lake", "sql", DOMAIN, *version)
    code = (
        "import duckdb, sys\n"
        "with duckdb.connect(config={'extension_directory': sys.argv[1]}) as reader:\n"
        "    reader.execute(sys.argv[2].replace('load postgres;', 'load postgres_scanner;'))\n"
        "    print(reader.execute(sys.argv[3]).fetchall())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(home / "extensions"), shown, SALES],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_domain_runs_is_rolled_back_and_read_by_version(prefect_api, postgres_database, tmp_path):
    password = str(postgres_database.password)
    common = {**os.environ, **prefect_api, "PGPASSWORD": password}
    embedded = {**common, "ALJIBE_HOME": str(tmp_path / "embedded")}
    home = tmp_path / "lake"
    lake = {
        **common,
        "ALJIBE_HOME": str(home),
        "ALJIBE_TARGET": "lake",
        "ALJIBE_LAKE_CATALOG_URL": postgres_database.render_as_string(hide_password=False),
        "ALJIBE_LAKE_GRACE_HOURS": "0.000001",
        "ALJIBE_LAKE_KEEP_DAYS": "0.000001",
    }
    for environment in (embedded, lake):
        seed_deliveries(Path(environment["ALJIBE_HOME"]) / "landing" / DOMAIN)
        aljibe(environment, "run", DOMAIN)
    first = published(home)
    assert first == published(tmp_path / "embedded")
    assert "nothing new" in aljibe(lake, "run", DOMAIN)
    before = read(lake, home)

    landing = home / "landing" / DOMAIN
    (landing / "part").write_text(f"{MORE}ARG-900,2024-02-02,AMOX500,10,100.00,ARS\n")
    (landing / "part").rename(landing / "ventas_arg.csv")
    aljibe(lake, "run", DOMAIN)
    second = published(home)
    assert second != first
    after = read(lake, home)
    assert after != before
    numbers = versions(aljibe(lake, "lake", "versions", DOMAIN))
    assert len(numbers) == 2
    assert read(lake, home, "--version", numbers[1]) == before

    aljibe(lake, "publish-back", DOMAIN, "--reason", "wrong file")
    assert published(home) == first
    assert read(lake, home) == before
    assert "snapshots expired" in aljibe(lake, "lake", "tidy", DOMAIN)
    assert read(lake, home) == before
    assert read(lake, home, "--version", numbers[0]) == after
    aljibe(lake, "publish-back", DOMAIN, "--release")
    aljibe(lake, "run", DOMAIN)
    assert published(home) == second
    assert read(lake, home) == after
    for other in known_domains(PROJECT_ROOT / "dbt"):
        (home / "landing" / other).mkdir(exist_ok=True)
    assert f"files in {home}/lake/" in aljibe(lake, "doctor")
    assert not list(home.rglob("warehouse/*.duckdb"))
    for path in home.rglob("*"):
        if path.is_file() and path.stat().st_size < 2**24:
            assert password.encode() not in path.read_bytes(), path


def versions(table: str) -> list[str]:
    return re.findall(r"^\W*(\d+)\W+\d{4}-\d\d-\d\d", table, re.MULTILINE)


def test_everything_in_a_bucket_ends_as_in_folders(
    prefect_api, postgres_database, s3_bucket, s3_server, tmp_path
):
    common = {**os.environ, **prefect_api, "PGPASSWORD": str(postgres_database.password)}
    url = postgres_database.render_as_string(hide_password=False)
    home = tmp_path / "lake"
    lake = {
        **common,
        **s3_server,
        "ALJIBE_HOME": str(home),
        "ALJIBE_TARGET": "lake",
        "ALJIBE_LAKE_CATALOG_URL": url,
        "ALJIBE_LAKE_DATA": f"{s3_bucket}/lake",
        "ALJIBE_RAW_URL": f"{s3_bucket}/raw",
        "ALJIBE_AUDIT_URL": url,
    }
    embedded = {**common, "ALJIBE_HOME": str(tmp_path / "embedded")}
    for environment in (embedded, lake):
        seed_deliveries(Path(environment["ALJIBE_HOME"]) / "landing" / DOMAIN)
        aljibe(environment, "run", DOMAIN)
    assert published(home) == published(tmp_path / "embedded")
    assert not list(home.rglob("*.parquet"))
    aljibe(lake, "lake", "tidy", DOMAIN)
    # Who reads a bucket brings a secret of their own.
    assert "create secret (type s3" in aljibe(lake, "lake", "sql", DOMAIN)
    for path in home.rglob("*"):
        if path.is_file() and path.stat().st_size < 2**24:
            assert s3_server["AWS_SECRET_ACCESS_KEY"].encode() not in path.read_bytes(), path
