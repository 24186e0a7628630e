"""wells and bioreactor on a real Spark cluster: the same tables, tests and reports as in DuckDB."""

import json
import math
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from servers.spark_cluster import PYTHON, SparkCluster, SparkMissingError, running_spark_cluster

from demo.bioreactor.telemetry import write_telemetry
from demo.wells.deliveries import write_wells

pytestmark = [pytest.mark.integration, pytest.mark.soak, pytest.mark.timeout(7200)]

DOMAINS = ("wells", "bioreactor")
ROWS = int(os.environ.get("SPARK_TEST_ROWS", "1600"))


@dataclass(frozen=True)
class Home:
    """A home that a target builds in."""

    folder: Path
    target: str
    cluster: SparkCluster

    def run(self, domain: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the elt flow once, as a user does."""
        return subprocess.run(
            [PYTHON.with_name("aljibe"), "run", domain],
            env={
                **os.environ,
                "ALJIBE_HOME": str(self.folder),
                "ALJIBE_TARGET": self.target,
                "ALJIBE_SPARK_MASTER": self.cluster.url,
                "ALJIBE_SPARK_MEMORY": "700m",
                "ALJIBE_SPARK_START_SECONDS": "400",
                "SPARK_CONF_DIR": str(self.cluster.conf),
                "PYTHONPATH": str(PYTHON.parents[2]),
                **environment,
            },
            cwd=PYTHON.parents[2],
            capture_output=True,
            text=True,
            check=False,
        )

    def results(self, domain: str) -> dict[str, tuple[str, int | None]]:
        """Status and failing rows of every node of the last build."""
        content = json.loads((self.folder / "target" / domain / "run_results.json").read_text())
        return {
            entry["unique_id"]: (entry["status"], entry.get("failures"))
            for entry in content["results"]
        }

    def pages(self, domain: str) -> set[str]:
        """Pages of the reports of a domain."""
        reports = self.folder / "reports" / domain
        return {path.relative_to(reports).as_posix() for path in reports.rglob("*.html")}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    try:
        with running_spark_cluster(tmp_path_factory.mktemp("cluster")) as running:
            yield running
    except SparkMissingError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def homes(cluster: SparkCluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Home]:
    """A home of each target with the same deliveries, built once."""
    made = {}
    for target in ("embedded", "spark"):
        folder = tmp_path_factory.mktemp(f"{target} home")
        write_wells(folder / "landing" / "wells", rows=ROWS)
        write_telemetry(folder / "landing" / "bioreactor", batches=3)
        made[target] = Home(folder, target, cluster)
        for domain in DOMAINS:
            ended = made[target].run(domain)
            assert ended.returncode == 0, f"{target} {domain}: {ended.stdout}{ended.stderr[-6000:]}"
    return made


def rows_of(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[list[str], list[tuple]]:
    """Types of the columns, and rows in the order of all that is no floating point number."""
    described = connection.execute(f"describe {table}").fetchall()
    floats = [row[0] for row in described if row[1] == "DOUBLE"]
    others = [row[0] for row in described if row[1] != "DOUBLE"]
    order = ", ".join(f'"{name}"' for name in [*others, *floats])
    found = connection.execute(f"select {order} from {table} order by {order}").fetchall()
    return [f"{row[0]} {row[1]}" for row in described], found


def is_same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return one == other


@pytest.mark.parametrize("domain", DOMAINS)
def test_published_tables_are_those_of_duckdb_row_for_row(homes, domain):
    served = [
        duckdb.connect(str(homes[target].folder / "serving" / f"{domain}.duckdb"), read_only=True)
        for target in ("embedded", "spark")
    ]
    names = "select schema_name || '.' || table_name from duckdb_tables() order by 1"
    tables = [served[0].execute(names).fetchall(), served[1].execute(names).fetchall()]
    assert tables[0] == tables[1]
    assert len(tables[0]) > 2
    for (table,) in tables[0]:
        (types, rows), (other_types, other_rows) = (rows_of(one, table) for one in served)
        assert other_types == types, table
        assert len(other_rows) == len(rows) > 0, table
        differing = [
            (row, other)
            for row, other in zip(rows, other_rows, strict=True)
            if not all(map(is_same, row, other))
        ]
        assert not differing, f"{table}: {len(differing)} rows, such as {differing[:2]}"
    for one in served:
        one.close()


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_test_has_the_result_that_it_has_in_duckdb(homes, domain):
    embedded, spark = (homes[target].results(domain) for target in ("embedded", "spark"))
    assert spark == embedded
    assert any(name.startswith("unit_test.") for name in spark)


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_report_of_an_owner_is_there_with_its_failing_rows(homes, domain):
    pages = homes["spark"].pages(domain)
    assert pages == homes["embedded"].pages(domain)
    assert pages
    counted = []
    for target in ("embedded", "spark"):
        path = homes[target].folder / "warehouse" / f"{domain}.duckdb"
        with duckdb.connect(str(path), read_only=True) as connection:
            counted.append(
                connection.execute(
                    "select test_id, count(*) from dq.test_failures group by all order by all"
                ).fetchall()
            )
    assert counted[1] == counted[0]


def test_the_work_was_done_by_the_cluster(homes, cluster):
    applications = cluster.told()["completedapps"]
    assert {app["name"] for app in applications} == {"aljibe wells", "aljibe bioreactor"}


def test_a_run_without_anything_new_starts_no_session(homes, cluster):
    before = len(cluster.told()["completedapps"])
    ended = homes["spark"].run("bioreactor")
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert len(cluster.told()["completedapps"]) == before


def test_a_wrong_master_is_told_at_once_and_what_was_published_stays(homes):
    serving = homes["spark"].folder / "serving" / "wells.duckdb"
    before = serving.stat().st_mtime_ns
    pumps = next((homes["spark"].folder / "landing" / "wells").glob("BEC_*"))
    kept = pumps.read_bytes()
    pumps.write_bytes(kept + b"\n")
    try:
        began = time.monotonic()
        ended = homes["spark"].run("wells", ALJIBE_SPARK_MASTER="spark://127.0.0.1:1")
        assert ended.returncode == 1
        assert "No Spark master answers at spark://127.0.0.1:1" in ended.stdout + ended.stderr
        assert time.monotonic() - began < 180
    finally:
        pumps.write_bytes(kept)
    assert serving.stat().st_mtime_ns == before


def test_a_failing_test_blocks_publishing(homes):
    home = homes["spark"]
    serving = home.folder / "serving" / "wells.duckdb"
    before = serving.stat().st_mtime_ns
    pumps = next((home.folder / "landing" / "wells").glob("BEC_*"))
    kept = pumps.read_bytes()
    header, first, *rest = kept.splitlines(keepends=True)
    pumps.write_bytes(b"".join([header, first, first, *rest]))
    try:
        ended = home.run("wells")
        assert ended.returncode == 1, ended.stdout
        assert "unique_combination_equipos" in ended.stdout + ended.stderr
    finally:
        pumps.write_bytes(kept)
    assert serving.stat().st_mtime_ns == before


def test_back_in_duckdb_the_domain_builds_and_the_files_of_spark_are_forgotten(homes, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(homes["spark"].folder, moved)
    home = Home(moved, "embedded", homes["spark"].cluster)
    ended = home.run("bioreactor")
    assert ended.returncode == 0, ended.stderr[-3000:]
    with duckdb.connect(str(moved / "warehouse" / "bioreactor.duckdb")) as connection:
        views = connection.execute(
            "select count(*) from duckdb_views() where contains(sql, '/spark/')"
        ).fetchone()
    assert views == (0,)
