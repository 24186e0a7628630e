"""Domains built in a lake by real dbt builds: as in a DuckDB file, killed, and side by side."""

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from servers.two_targets import Contents, TwoTargets, contents, run
from sqlalchemy import URL

from demo.bioreactor.telemetry import write_telemetry
from demo.olist.deliveries import write_olist
from demo.pharma_deliveries import write_deliveries
from demo.wells.deliveries import write_wells
from lakehouse.lake.lake_warehouse import LakeWarehouse
from lakehouse.lake.tidy_lake import tidy_lake
from lakehouse.quality.dbt_results import read_results
from lakehouse.transform.dbt_process import _child_command
from lakehouse.transform.engine_child import EngineChild

pytestmark = pytest.mark.integration
KILL_SECONDS = 120
WRITE = {
    "pharma_latam": lambda folder: write_deliveries(folder, rows_per_day=300),
    "olist": lambda folder: write_olist(folder, scale=1),
    "wells": lambda folder: write_wells(folder, wells=2, rows=2000),
    "bioreactor": lambda folder: write_telemetry(folder, batches=8),
}


def loaded(domain: str, home: Path, catalog: URL) -> TwoTargets:
    targets = TwoTargets.of(home, catalog, domain)
    landing = targets.embedded.landing(domain)
    landing.mkdir(parents=True)
    WRITE[domain](landing)
    targets.load()
    return targets


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_build_killed_in_the_middle_and_run_again_equals_that_of_the_file(
    postgres_database, tmp_path
):
    targets = loaded("pharma_latam", tmp_path / "home", postgres_database)
    wanted = built(targets, embedded=True)
    lake = targets.warehouse(targets.lake)
    assert isinstance(lake, LakeWarehouse)
    targets.register(targets.lake)
    registered = lake.current_version()
    build = targets.dbt_build(targets.lake)
    build.target_path.mkdir(parents=True)
    child = subprocess.Popen(
        [
            *_child_command(EngineChild().script),
            *build.arguments(),
            "--profiles-dir",
            str(build.profiles_dir),
        ],
        env={**os.environ, **build.child_environment()},
        cwd=build.working_dir,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        ends = time.monotonic() + KILL_SECONDS
        while lake.current_version() < registered + 6:
            assert child.poll() is None
            assert time.monotonic() < ends
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    assert built(targets, embedded=False) == wanted
    swept = tidy_lake(
        lake, (), datetime.now(UTC) + timedelta(hours=1), keep=timedelta(0), grace=timedelta(0)
    )
    assert swept.expired > 0
    assert contents(lake) == wanted


def built(targets: TwoTargets, *, embedded: bool) -> dict[str, Contents]:
    settings = targets.embedded if embedded else targets.lake
    results = targets.build(settings)
    assert not results.blocking, [(one.unique_id, one.message) for one in results.blocking]
    return contents(targets.warehouse(settings))


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("domain", ["olist", "wells", "bioreactor"])
def test_a_domain_built_again_after_a_delivery_is_the_same_in_file_and_lake(
    domain, postgres_database, tmp_path
):
    targets = loaded(domain, tmp_path / "home", postgres_database)
    for _ in range(2):
        assert built(targets, embedded=False) == built(targets, embedded=True)
        of_file, of_lake = (
            {one.unique_id: (one.status, one.failures) for one in read_results(folder).nodes}
            for folder in (
                targets.dbt_build(settings).target_path
                for settings in (targets.embedded, targets.lake)
            )
        )
        assert of_lake == of_file
        WRITE[domain](targets.embedded.landing(domain))
        targets.load()


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_disjoint_parts_of_a_domain_are_built_at_once_by_processes_of_their_own(
    postgres_database, tmp_path
):
    targets = loaded("wells", tmp_path / "home", postgres_database)
    wanted = built(targets, embedded=True)
    targets.register(targets.lake)
    parts = ("stg_registros stg_lecturas", "stg_equipos", "stg_eventos")
    builds = [
        targets.dbt_build(
            targets.lake,
            select=select,
            target_path=tmp_path / f"part-{number}",
            only_buildable_tests=True,
        )
        for number, select in enumerate(parts)
    ]
    with ThreadPoolExecutor(len(builds)) as pool:
        list(pool.map(run, builds))
    for build in builds:
        results = read_results(build.target_path)
        assert len(results.models) == len((build.select or "").split())
        assert not results.blocking, [(one.unique_id, one.message) for one in results.blocking]
    assert built(targets, embedded=False) == wanted
