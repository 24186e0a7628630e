"""Whatever telemetry is delivered in whatever order, incremental builds end as a full refresh."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

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


class Kind(Enum):
    """What happens to one file of the telemetry."""

    FIRST = "delivered, maybe late and out of order"
    SHORTER = "corrected under its old name, with fewer samples"
    OTHER_BATCH = "corrected under its old name: its samples are of another batch"
    OLDER = "the content that it had first"
    DUPLICATE = "the same content under another name"
    OVERLAPPING = "other values of the same samples under another name"


@dataclass(frozen=True)
class Step:
    """What happens to a file, by its number, and whether a build follows."""

    kind: Kind
    file: int
    build: bool


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


def assert_same(one: Tables, other: Tables) -> None:
    different = [table for table in TABLES if one[table] != other[table]]
    assert different == []


def deliver(step: Step, landing: Path, files: list[Path]) -> None:
    """Do to the landing folder what a step says; `files` are the first contents."""
    source = files[step.file % len(files)]
    target = landing / source.name
    table = pq.read_table(source)
    if step.kind is Kind.SHORTER:
        table = table.slice(table.num_rows // 3)
    elif step.kind is Kind.OTHER_BATCH:
        name = pc.binary_join_element_wise(table["batch_id"], "CORRECTED", "-")
        table = table.set_column(0, "batch_id", name)
    elif step.kind in (Kind.DUPLICATE, Kind.OVERLAPPING):
        target = landing / f"{source.stem}_{step.kind.name.lower()}.parquet"
        if step.kind is Kind.OVERLAPPING:
            table = table.slice(7, 900)
            table = table.set_column(5, "value", pc.add(table["value"], 0.125))
    unfinished = target.with_suffix(".part")
    if step.kind in (Kind.FIRST, Kind.OLDER, Kind.DUPLICATE):
        shutil.copyfile(source, unfinished)
    else:
        pq.write_table(table, unfinished)
    unfinished.replace(target)


_STEPS = st.lists(
    st.builds(Step, st.sampled_from(Kind), st.integers(0, 6), st.booleans()),
    min_size=3,
    max_size=5,
)


_UNSHRUNK = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@settings(_UNSHRUNK, phases=[Phase.explicit])
@given(steps=_STEPS)
@example(
    steps=[
        Step(Kind.FIRST, 2, False),
        Step(Kind.DUPLICATE, 2, False),
        Step(Kind.FIRST, 0, True),
        Step(Kind.OTHER_BATCH, 2, False),
        Step(Kind.SHORTER, 0, True),
        Step(Kind.OVERLAPPING, 2, False),
        Step(Kind.FIRST, 1, False),
        Step(Kind.OLDER, 0, False),
    ]
)
def test_late_corrected_doubled_and_disordered_files_end_as_a_full_refresh(
    steps: list[Step],
) -> None:
    _assert_incremental_equals_full(steps)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@settings(_UNSHRUNK, max_examples=10)
@given(steps=_STEPS)
def test_many_sequences_end_as_a_full_refresh(steps: list[Step]) -> None:
    _assert_incremental_equals_full(steps)


def _assert_incremental_equals_full(steps: list[Step]) -> None:
    with new_home() as warehouse, TemporaryDirectory(prefix="aljibe-sent-") as sent:
        files = write_telemetry(Path(sent), batches=5).paths
        landing = warehouse.settings.landing(DOMAIN)
        landing.mkdir(parents=True)
        for step in steps:
            deliver(step, landing, files)
            if step.build:
                warehouse.build()
        warehouse.build()
        incremental = warehouse.tables()
        assert incremental[WINDOWS]
        warehouse.build(full_refresh=True)
        assert_same(incremental, warehouse.tables())


def test_a_backfill_of_thirty_days_heals_what_daily_runs_left_and_equals_a_full_refresh() -> None:
    with new_home() as warehouse:
        days = _thirty_days(warehouse, runs=2)
        daily = warehouse.tables()
        # As an older version of the model might have left them.
        warehouse.execute(f"update {WINDOWS} set last_value = -1")
        warehouse.execute(f"delete from {WINDOWS} where tag = 'DO'")
        state = backfill(DOMAIN, days[0], days[-1] + timedelta(days=1), return_state=True)
        assert state.is_completed(), state.message
        assert_same(warehouse.tables(), daily)
        warehouse.build(full_refresh=True)
        assert_same(warehouse.tables(), daily)


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
def test_thirty_daily_runs_equal_a_backfill_day_by_day_and_a_full_refresh() -> None:
    with new_home() as warehouse:
        days = _thirty_days(warehouse, runs=30)
        daily = warehouse.tables()
        warehouse.execute(f"update {WINDOWS} set last_value = -1")
        for day in days:
            state = backfill(DOMAIN, day, return_state=True)
            assert state.is_completed(), state.message
        assert_same(warehouse.tables(), daily)
        warehouse.build(full_refresh=True)
        assert_same(warehouse.tables(), daily)


def _thirty_days(warehouse: Warehouse, runs: int) -> list[date]:
    """Deliver thirty days of one reactor in order, with a build after each of `runs` parts."""
    days = [FIRST_DAY + timedelta(days=number) for number in range(30)]
    for count in range(30 // runs, 31, 30 // runs):
        write_telemetry(warehouse.settings.landing(DOMAIN), batches=count, reactors=1)
        warehouse.build()
    return days
