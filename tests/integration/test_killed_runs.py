"""kill -9 at every kind of moment, then one normal run: nothing lost, nothing double, no trace."""

import os
import random
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from servers import killed_run
from servers.killed_run import DBT_LINES, DBT_VICTIMS, POINTS

from demo.pharma_deliveries import seed_deliveries
from lakehouse.lake.file_lock import current_holder
from lakehouse.lake.raw_lake import RawLake
from lakehouse.settings import Settings

pytestmark = pytest.mark.integration
# One of each step; the others are in the full rounds.
LONG = [
    "batch committed, not visible",
    "dbt child in the middle",
    "dbt both in the middle",
    "dbt ended, results not recorded",
    "pages half written",
    "copy written, not in place",
]
SOAK = [point for point in POINTS if point not in LONG] + [
    point
    for victim in DBT_VICTIMS
    for moment in DBT_LINES
    if (point := f"dbt {victim} {moment}") not in LONG
]
FIGURES = [
    ("ARG-001", Decimal("93.56")),
    ("ARG-002", Decimal("70.40")),
    ("ARG-003", Decimal("47.85")),
    ("ARG-004", Decimal("0.94")),
    ("BRA-001", Decimal("734.40")),
    ("BRA-002", Decimal("555.00")),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    landing = tmp_path / "home" / "landing" / "pharma_latam"
    seed_deliveries(landing)
    (landing / "ventas_arg_2.csv").write_text(
        "invoice_id,fecha,producto_cod,cantidad,precio_unit,moneda\n"
        "ARG-004,2024-02-02,AMOX500,1,850.50,ARS\n"
    )
    return tmp_path / "home"


@pytest.fixture
def environment(prefect_api: dict[str, str], home: Path) -> dict[str, str]:
    return {**os.environ, **prefect_api, "ALJIBE_HOME": str(home)}


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).parent / "aljibe", "run", "pharma_latam"]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def assert_as_if_nothing_had_happened(home: Path) -> None:
    settings = Settings(home=home)
    with duckdb.connect(str(settings.warehouse("pharma_latam")), read_only=True) as warehouse:
        for table, rows in (("ventas_arg", 4), ("ventas_bra", 2), ("productos", 2)):
            assert warehouse.execute(f"select count(*) from raw.{table}").fetchone() == (rows,)
        assert warehouse.execute(
            "select count(*), sum(rows_loaded) from etl.load_log where status = 'loaded'"
        ).fetchone() == (4, 8)
    with duckdb.connect(str(settings.serving("pharma_latam")), read_only=True) as serving:
        found = serving.execute(
            "select invoice_id, venta_total_usd from consume.fct_ventas_latam order by 1"
        )
        assert found.fetchall() == FIGURES
    ledger = RawLake.of(settings).ledger
    known = {
        settings.raw / batch.path
        for table in ("ventas_arg", "ventas_bra", "productos")
        for batch in ledger.batches_of("pharma_files", table)
    }
    assert set(settings.raw.rglob("*.parquet")) == known
    assert len(known) == 4
    assert not list(home.rglob("*.tmp"))
    assert not [path for path in settings.scratch.rglob("*") if path.is_file()]
    assert not list(settings.serving("pharma_latam").parent.glob(".*"))
    for lock in home.rglob("*.lock"):
        assert current_holder(lock) is None, lock


def kill_and_run_again(point: str, home: Path, environment: dict[str, str]) -> None:
    killed = subprocess.run(
        [sys.executable, killed_run.__file__, point],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    if point.startswith("dbt child"):
        # Only dbt died: the run itself notices, and tries once more.
        assert killed.returncode == 0, killed.stderr
    else:
        assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    again = run(environment)
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.startswith("Completed: ")
    assert_as_if_nothing_had_happened(home)


@pytest.mark.long
@pytest.mark.parametrize("point", LONG)
def test_a_run_after_a_kill_at_any_point_ends_as_if_nothing_had_happened(point, home, environment):
    kill_and_run_again(point, home, environment)


@pytest.mark.soak
@pytest.mark.parametrize("point", SOAK)
def test_a_run_after_any_other_kill_of_dbt_does_so_too(point, home, environment):
    kill_and_run_again(point, home, environment)


@pytest.mark.soak
def test_fifty_kills_at_random_moments_change_nothing(home, environment):
    moments = random.Random(20261121)
    for _ in range(50):
        process = subprocess.Popen(
            [Path(sys.executable).parent / "aljibe", "run", "pharma_latam"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(moments.uniform(3.0, 14.0))
        process.kill()
        process.wait()
    again = run(environment)
    assert again.returncode == 0, again.stdout + again.stderr
    assert_as_if_nothing_had_happened(home)
