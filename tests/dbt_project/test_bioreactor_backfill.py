"""Thirty days of telemetry: a run a day, a backfill of their range and a full refresh are the same.

Thirty runs of the flows take some minutes. Here one process builds them all, from a project that
has no other domain: loading and registering are the lake's own, and dbt gets the arguments and
variables that the flows give it.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from demo.bioreactor.signals import Faults
from demo.bioreactor.telemetry import FIRST_DAY, write_telemetry
from lakehouse.connectors.folder import find_files
from lakehouse.lake.load_file import load_file
from lakehouse.lake.pending_files import pending_names
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.settings import PROJECT_ROOT, Settings, load_settings
from lakehouse.source_catalog import load_catalog
from lakehouse.transform.backfill_range import backfill_variables
from lakehouse.transform.dbt_command import DbtBuild

DOMAIN = "bioreactor"
DAYS = 30
FAULTS = Faults(drift=0.2, gap=0.2, outliers=0.2)
TABLES = (
    "intermediate.int_bioreactor_downsample_5m",
    "core.dim_batch",
    "core.fct_batch_stats",
    "marts.mart_bioreactor_overview",
)
WINDOWS = TABLES[0]

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


class Warehouse:
    """The warehouse of a home, built by dbt commands in this process that share one parse."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.landing = settings.landing(DOMAIN)
        self.lake = RawLake.of(settings)
        self.catalog = load_catalog(settings.project_dir, DOMAIN)
        self._dbt: dbtRunner | None = None

    def load(self) -> int:
        """Load what is new in the landing folder; how many files that was."""
        (table,) = self.catalog.tables
        found = find_files(self.landing, table)
        known = self.lake.ledger.newest_deliveries(table)
        new = pending_names(found, known, table, self.lake)
        for file in found:
            if file.name in new:
                load_file(self.landing, file, table, self.lake)
        register_raw(self.catalog, self.lake, self.settings.warehouse(DOMAIN), "test")
        return len(new)

    def build(self, **asked: Any) -> None:
        build = DbtBuild.of(
            self.settings, DOMAIN, exclude="resource_type:test resource_type:unit_test", **asked
        )
        options = ["--profiles-dir", str(build.profiles_dir), "--quiet", "--no-write-json"]
        with environment(build.environment()):
            if self._dbt is None:
                parsed = dbtRunner().invoke([*build.command("parse"), *options])
                assert parsed.success, parsed.exception
                self._dbt = dbtRunner(manifest=parsed.result)
            built = self._dbt.invoke([*build.arguments(), *options, "--log-level-file", "none"])
            DuckDBConnectionManager.close_all_connections()
        assert built.success, built.exception or built.result

    def tables(self) -> Mapping[str, list[tuple[Any, ...]]]:
        """Every row of every table, ordered."""
        with duckdb.connect(str(self.settings.warehouse(DOMAIN)), read_only=True) as connection:
            return {t: connection.execute(f"from {t} order by all").fetchall() for t in TABLES}

    def execute(self, sql: str) -> None:
        with duckdb.connect(str(self.settings.warehouse(DOMAIN))) as connection:
            connection.execute(sql)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("BIOREACTOR_LANDING", raising=False)
    project = tmp_path / "dbt"
    shutil.copytree(PROJECT_ROOT / "dbt", project, ignore=shutil.ignore_patterns("target", "logs"))
    for part in ("models", "seeds", "snapshots", "tests/singular"):
        for folder in (project / part).iterdir():
            if folder.name != DOMAIN:
                shutil.rmtree(folder)
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", str(project))
    made = Warehouse(load_settings())
    made.landing.mkdir(parents=True)
    return made


def send(sent: Path, landing: Path, last: date) -> None:
    """Put the files up to a day into the landing folder, as a sender does it."""
    for file in sorted(sent.iterdir()):
        day = datetime.strptime(file.stem.rpartition("_")[2], "%Y%m%d").replace(tzinfo=UTC).date()
        if day <= last and not (landing / file.name).exists():
            os.link(file, landing / f"{file.name}.part")
            (landing / f"{file.name}.part").rename(landing / file.name)


def test_thirty_daily_runs_equal_a_backfill_of_their_range_and_a_full_refresh(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    sent = tmp_path / "sent"
    # Two reactors: the second one's batches begin at 14:00 and end on the day after.
    write_telemetry(sent, batches=2 * DAYS, reactors=2, faults=FAULTS)
    days = [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]
    for day in [*days, days[-1] + timedelta(days=1)]:
        send(sent, warehouse.landing, day)
        assert warehouse.load() > 0
        warehouse.build()
    daily = warehouse.tables()
    assert len(daily["core.dim_batch"]) == 2 * DAYS

    # As an older version of the model might have left them, on every day of the range.
    warehouse.execute(f"update {WINDOWS} set last_value = -1 where tag = 'pH'")
    warehouse.execute(f"delete from {WINDOWS} where tag = 'DO'")
    warehouse.execute(
        f"insert into {WINDOWS} select * replace ('GONE' as batch_id) from {WINDOWS} "
        "where batch_id = 'BATCH009'"
    )
    variables = backfill_variables(
        warehouse.settings.project_dir, DOMAIN, days[0], days[-1] + timedelta(days=1)
    )
    assert warehouse.load() == 0
    warehouse.build(variables=variables)
    assert warehouse.tables() == daily

    warehouse.build(full_refresh=True)
    assert warehouse.tables() == daily
