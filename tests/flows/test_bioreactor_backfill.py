"""Backfill of bioreactor through the real flows.

That any order of deliveries ends as a full refresh is tested in tests/dbt_project.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest

from demo.bioreactor.telemetry import FIRST_DAY, write_telemetry
from flows.backfill import backfill
from flows.dbt_build import dbt_build
from flows.ingest import ingest
from lakehouse.settings import Settings, load_settings

DOMAIN = "bioreactor"
ALL_TESTS = "resource_type:test resource_type:unit_test"
TABLES = (
    "intermediate.int_bioreactor_downsample_5m",
    "core.dim_batch",
    "core.fct_batch_stats",
    "marts.mart_bioreactor_overview",
)
WINDOWS = TABLES[0]
LAST_VALUE = 10
Tables = Mapping[str, list[tuple[Any, ...]]]

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


@dataclass(frozen=True)
class Warehouse:
    """The warehouse of one home, and the flows that fill it."""

    settings: Settings

    def build(self, **parameters: Any) -> None:
        ingested = ingest(DOMAIN, return_state=True)
        assert ingested.is_completed(), ingested.message
        built = dbt_build(DOMAIN, exclude=ALL_TESTS, return_state=True, **parameters)
        assert built.is_completed(), built.message

    def tables(self) -> Tables:
        with duckdb.connect(str(self.settings.warehouse(DOMAIN)), read_only=True) as connection:
            return {t: connection.execute(f"from {t} order by all").fetchall() for t in TABLES}

    def execute(self, sql: str) -> None:
        with duckdb.connect(str(self.settings.warehouse(DOMAIN))) as connection:
            connection.execute(sql)


@contextmanager
def new_home() -> Iterator[Warehouse]:
    with TemporaryDirectory(prefix="aljibe-") as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALJIBE_HOME", home)
        patch.delenv("BIOREACTOR_LANDING", raising=False)
        yield Warehouse(load_settings())


@pytest.mark.soak
def test_a_backfill_of_a_day_leaves_the_batches_of_other_days_alone() -> None:
    with new_home() as warehouse:
        write_telemetry(warehouse.settings.landing(DOMAIN), batches=2, reactors=1)
        warehouse.build()
        before = warehouse.tables()[WINDOWS]
        warehouse.execute(f"update {WINDOWS} set last_value = -1")
        state = backfill(DOMAIN, FIRST_DAY + timedelta(days=1), return_state=True)
        assert state.is_completed(), state.message
        healed = [row for row in warehouse.tables()[WINDOWS] if row[LAST_VALUE] != -1]
        assert healed == [row for row in before if row[0] == "BATCH002"]


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_thirty_daily_runs_equal_a_backfill_of_their_range_and_a_full_refresh() -> None:
    with new_home() as warehouse:
        days = [FIRST_DAY + timedelta(days=number) for number in range(30)]
        for count in range(1, 31):
            write_telemetry(warehouse.settings.landing(DOMAIN), batches=count, reactors=1)
            warehouse.build()
        daily = warehouse.tables()
        warehouse.execute(f"update {WINDOWS} set last_value = -1")
        state = backfill(DOMAIN, days[0], days[-1], return_state=True)
        assert state.is_completed(), state.message
        assert warehouse.tables() == daily
        warehouse.build(full_refresh=True)
        assert warehouse.tables() == daily
