"""Whatever telemetry is delivered in whatever order, incremental builds end as a full refresh.

One process builds them all, from a project that has no other domain, as runs of the flows take some
seconds each: loading and registering are the lake's own, and dbt gets the arguments and variables
that the flows give it.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

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
FEW_DAYS, MANY_DAYS = 4, 30
FAULTS = Faults(drift=0.2, gap=0.2, outliers=0.2)
TABLES = (
    "intermediate.int_bioreactor_downsample_5m",
    "core.dim_batch",
    "core.fct_batch_stats",
    "marts.mart_bioreactor_overview",
)
WINDOWS = TABLES[0]

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


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


class Warehouse:
    """The warehouse of a home, built by dbt commands in this process that share one parse."""

    parsed: ClassVar[dict[Path, dbtRunner]] = {}

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.landing = settings.landing(DOMAIN)
        self.lake = RawLake.of(settings)
        self.catalog = load_catalog(settings.project_dir, DOMAIN)

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
            if build.project_dir not in self.parsed:
                parsed = dbtRunner().invoke([*build.command("parse"), *options])
                assert parsed.success, parsed.exception
                self.parsed[build.project_dir] = dbtRunner(manifest=parsed.result)
            dbt = self.parsed[build.project_dir]
            built = dbt.invoke([*build.arguments(), *options, "--log-level-file", "none"])
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


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project without its other domains, which dbt would look through in each build."""
    copy = tmp_path_factory.mktemp("bioreactor") / "dbt"
    shutil.copytree(PROJECT_ROOT / "dbt", copy, ignore=shutil.ignore_patterns("target", "logs"))
    for part in ("models", "seeds", "snapshots", "tests/singular"):
        for folder in (copy / part).iterdir():
            if folder.name != DOMAIN:
                shutil.rmtree(folder)
    return copy


@contextmanager
def new_home(project: Path) -> Iterator[Warehouse]:
    with TemporaryDirectory(prefix="aljibe-") as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALJIBE_HOME", home)
        patch.setenv("ALJIBE_PROJECT_DIR", str(project))
        patch.delenv("BIOREACTOR_LANDING", raising=False)
        warehouse = Warehouse(load_settings())
        warehouse.landing.mkdir(parents=True)
        yield warehouse
        warehouse.lake.ledger.engine.dispose()


def send(sent: Path, landing: Path, last: date) -> None:
    """Put the files up to a day into the landing folder, as a sender does it."""
    for file in sorted(sent.iterdir()):
        day = datetime.strptime(file.stem.rpartition("_")[2], "%Y%m%d").replace(tzinfo=UTC).date()
        if day <= last and not (landing / file.name).exists():
            os.link(file, landing / f"{file.name}.part")
            (landing / f"{file.name}.part").rename(landing / file.name)


@pytest.mark.parametrize("count", [FEW_DAYS, pytest.param(MANY_DAYS, marks=pytest.mark.soak)])
def test_daily_runs_equal_a_backfill_of_their_range_and_a_full_refresh(
    project: Path, tmp_path: Path, count: int
) -> None:
    with new_home(project) as warehouse:
        _assert_daily_equals_backfill(warehouse, tmp_path / "sent", count)


def _assert_daily_equals_backfill(warehouse: Warehouse, sent: Path, count: int) -> None:
    # Two reactors: the second one's batches begin at 14:00 and end on the day after.
    write_telemetry(sent, batches=2 * count, reactors=2, faults=FAULTS)
    days = [FIRST_DAY + timedelta(days=number) for number in range(count)]
    for day in [*days, days[-1] + timedelta(days=1)]:
        send(sent, warehouse.landing, day)
        assert warehouse.load() > 0
        warehouse.build()
    daily = warehouse.tables()
    assert len(daily["core.dim_batch"]) == 2 * count

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
    project: Path, steps: list[Step]
) -> None:
    _assert_incremental_equals_full(project, steps)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@settings(_UNSHRUNK, max_examples=10)
@given(steps=_STEPS)
def test_many_sequences_end_as_a_full_refresh(project: Path, steps: list[Step]) -> None:
    _assert_incremental_equals_full(project, steps)


def _assert_incremental_equals_full(project: Path, steps: list[Step]) -> None:
    with new_home(project) as warehouse, TemporaryDirectory(prefix="aljibe-sent-") as sent:
        files = write_telemetry(Path(sent), batches=5).paths
        for step in steps:
            deliver(step, warehouse.landing, files)
            if step.build:
                warehouse.load()
                warehouse.build()
        warehouse.load()
        warehouse.build()
        incremental = warehouse.tables()
        assert incremental[WINDOWS]
        warehouse.build(full_refresh=True)
        assert warehouse.tables() == incremental
