"""Tell OpenLineage what flows read and wrote; off, and free, unless it is configured.

Nothing here changes how a run ends or holds it up: what cannot be told is a warning in its log.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import ParamSpec

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from sqlalchemy import URL

from lakehouse.errors import AljibeError
from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.warehouse import Warehouse as BuiltIn
from lakehouse.lake.warehouse import warehouse_of
from lakehouse.lineage_events.build_runs import Warehouse, build_runs, node_times
from lakehouse.lineage_events.dataset_names import raw_table
from lakehouse.lineage_events.job_runs import JobRun, Outcome, RunPlace
from lakehouse.lineage_events.load_runs import SourceName, load_run
from lakehouse.lineage_events.publication_runs import publication_runs
from lakehouse.lineage_events.sender import Sender, lineage_is_on
from lakehouse.quality.dbt_manifest import read_dbt_artifact, read_manifest
from lakehouse.quality.dbt_results import read_results
from lakehouse.quality.warehouse_catalog import WarehouseCatalog
from lakehouse.settings import Settings, load_settings
from lakehouse.source_catalog import Table, load_catalog
from lakehouse.transform.build_history import BuildRecord
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.profile_target import written_by
from tasks.source_locations import source_name

# The longest that a run waits at its end for what takes the events.
FLUSH_SECONDS = 5.0

P = ParamSpec("P")
FlowFunction = Callable[P, State]


@dataclass(frozen=True)
class _Told:
    """A flow run whose lineage is being told."""

    run: JobRun
    sender: Sender = field(default_factory=Sender)

    @property
    def place(self) -> RunPlace:
        return self.run.place


_CURRENT: ContextVar[_Told | None] = ContextVar("lineage of the current flow run", default=None)


def with_lineage(step: str) -> Callable[[FlowFunction[P]], FlowFunction[P]]:
    """Tell the start and the end of a flow as a run of the job `<domain>.<step>`.

    Args:
        step: name of the flow; its first parameter is the domain.
    """

    def _decorate(function: FlowFunction[P]) -> FlowFunction[P]:
        @wraps(function)
        def _told(*args: P.args, **kwargs: P.kwargs) -> State:
            if not lineage_is_on() or flow_run.get_id() is None:
                return function(*args, **kwargs)
            domain = str(signature(function).bind(*args, **kwargs).arguments["domain"])
            with _telling(f"{domain}.{step}") as end:
                state = function(*args, **kwargs)
                end("COMPLETE" if state.is_completed() else "FAIL")
            return state

        return _told

    return _decorate


@contextmanager
def _telling(job: str) -> Iterator[Callable[[Outcome], None]]:
    outer, run_id = _CURRENT.get(), flow_run.get_id()
    place = RunPlace(job, str(run_id), outer.place if outer else None)
    run = JobRun(place, "FLOW", datetime.now(UTC))
    told = _Told(run, outer.sender) if outer else _Told(run)
    ended: list[Outcome] = []
    token = _CURRENT.set(told)
    told.sender.send([run])
    try:
        yield ended.append
    except Exception:
        ended.append("FAIL")
        raise
    finally:
        _CURRENT.reset(token)
        # Neither a state nor an error: it was cancelled or told to stop.
        outcome = ended[0] if ended else "ABORT"
        error = "" if outcome == "COMPLETE" else f"{job} ended without success; its state says why."
        end = replace(run, ended_at=datetime.now(UTC), outcome=outcome, error=error)
        told.sender.send([end])
        if outer is None:
            for fault in told.sender.finish(FLUSH_SECONDS):
                get_run_logger().warning("Lineage was not told whole. %s", fault)


def _tell(describe: Callable[[_Told], Sequence[JobRun]]) -> None:
    told = _CURRENT.get()
    if told is None:
        return
    try:
        told.sender.send(describe(told))
    except Exception as error:  # noqa: BLE001 - a run does not fail because nobody hears of it
        get_run_logger().warning(
            "Lineage of %s was not told: %s.", told.place.job, type(error).__name__, exc_info=True
        )


def emit_extraction(domain: str, read: Collection[str], run_ids: Collection[str] = ()) -> None:
    """Tell what was loaded into the RAW lake.

    Args:
        domain: whose tables.
        read: `source.table` of those that could be read to their end.
        run_ids: of other flow runs that loaded for this one.
    """
    _tell(lambda told: _load_runs(told, domain, read, run_ids))


def emit_build(build: DbtBuild, skipped: BuildRecord | None) -> None:
    """Tell what dbt built and tested; nothing if it was not run."""
    if skipped is None:
        _tell(lambda told: _build_runs(told, build))


def emit_publication(
    domain: str, rows: Mapping[str, int], *, replaced: bool, database: URL | None = None
) -> None:
    """Tell which tables readers got, also in a PostgreSQL; nothing if they had them."""
    if replaced:
        _tell(lambda told: _publication_runs(told, domain, rows, database))


def _load_runs(
    told: _Told, domain: str, read: Collection[str], run_ids: Collection[str]
) -> list[JobRun]:
    settings, now = load_settings(), datetime.now(UTC)
    ledger, began = RawLake.of(settings).ledger, told.run.started_at
    runs, loaders = [], {told.place.run_id, *run_ids}
    for table in load_catalog(settings.project_dir, domain).tables:
        deliveries = [one for one in ledger.deliveries_since(table, began) if one.run_id in loaders]
        failed = table.full_name not in read
        if deliveries or failed:
            runs.append(
                load_run(
                    told.place,
                    table,
                    settings.raw_place,
                    deliveries,
                    _source_name(table, settings),
                    failed=failed,
                    began=began,
                    now=now,
                )
            )
    return [run for run in runs if run]


def _source_name(table: Table, settings: Settings) -> SourceName | None:
    try:
        return source_name(table, settings)
    except AljibeError:
        # The same kept the table from being read, and the run says so.
        return None


def _build_runs(told: _Told, build: DbtBuild) -> list[JobRun]:
    written = written_by(build)
    if written is None:
        get_run_logger().info("Lineage tells of DuckDB only; %s has none.", build.domain)
        return []
    content = read_dbt_artifact(build.target_path / "run_results.json", "run-results")
    warehouse = _warehouse(build.target_path, written, None if build.foreign else build.domain)
    return build_runs(told.place, warehouse, read_results(build.target_path), node_times(content))


def _publication_runs(
    told: _Told, domain: str, rows: Mapping[str, int], database: URL | None
) -> list[JobRun]:
    settings = load_settings()
    return publication_runs(
        told.place,
        _warehouse(settings.dbt_target(domain), warehouse_of(settings, domain), domain),
        domain,
        settings.serving(domain),
        rows,
        database=database,
        began=told.run.started_at,
        now=datetime.now(UTC),
    )


def _warehouse(target: Path, place: BuiltIn, domain: str | None) -> Warehouse:
    settings = load_settings()
    tables = load_catalog(settings.project_dir, domain).tables if domain else ()
    with open_warehouse(place, read_only=True) as connection:
        catalog = WarehouseCatalog(connection)
    return Warehouse(
        read_manifest(target),
        place,
        {
            (one.source, one.name): raw_table(settings.raw_place, one.source, one.name)
            for one in tables
        },
        catalog,
    )
