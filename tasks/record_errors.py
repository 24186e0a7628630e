"""Faults of a run into the error ledger, and from there into the warehouse."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from lakehouse.errors import AljibeError
from lakehouse.faults import Fault, Stage, fault_of
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.error_ledger import write_error_log
from lakehouse.lake.load_faults import settle_loads
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.settle_steps import settle_done, settle_extraction, settle_stopped
from lakehouse.lake.warehouse import prepare_warehouse, warehouse_of
from lakehouse.quality.build_faults import settle_build
from lakehouse.quality.dbt_manifest import read_manifest
from lakehouse.quality.dbt_results import read_results
from lakehouse.settings import Settings, load_settings
from lakehouse.source_catalog import known_domains, load_catalog
from lakehouse.transform.dbt_command import DbtBuild
from tasks.judge_sources import SourcesJudged
from tasks.policies import transient_retries


def record_extraction(
    domain: str, read: Sequence[str], faults: Sequence[Fault], error: Exception | None
) -> None:
    """Note what could not be extracted, and that the rest could.

    The flow that calls it is the domain's writer.

    Args:
        domain: whose sources.
        read: `source.table` of the tables that could be read.
        faults: of those that could not, and of single files.
        error: raised when all is noted, as the run cannot go on.
    """
    if error is None:
        record_extracted(domain, read, faults, ends=False)
        return
    for trouble in _trouble(record_extracted(domain, read, faults, ends=True, return_state=True)):
        get_run_logger().warning("%s", trouble)
    raise error


@task(
    name="record-extracted",
    task_run_name="errors of {domain}",
    cache_policy=NO_CACHE,
    **transient_retries,
)
def record_extracted(
    domain: str, read: Sequence[str], faults: Sequence[Fault], *, ends: bool
) -> None:
    """Bring the extract errors to what a run came to; shown at once where the run ends with it."""
    settings, now = load_settings(), datetime.now(UTC)
    catalog, lake = load_catalog(settings.project_dir, domain), RawLake.of(settings)
    settle_extraction(catalog, lake.ledger.engine, read, [_of_run(one) for one in faults], now)
    if ends:
        settle_loads(catalog, lake.ledger, now)
        _show(domain, settings)


def record_build(build: DbtBuild, sources: SourcesJudged) -> list[str]:
    """Note which nodes of a build failed or warn; returns a warning if that cannot be done."""
    if build.foreign:
        return []
    return _trouble(record_nodes(build, sources, return_state=True))


@task(
    name="record-nodes",
    task_run_name="errors of {build.domain}",
    cache_policy=NO_CACHE,
    **transient_retries,
)
def record_nodes(build: DbtBuild, sources: SourcesJudged) -> None:
    """Bring the errors of nodes to the results in the build's target folder."""
    settings = load_settings()
    results = sources.added_to(read_results(build.target_path))
    known = set(read_manifest(build.target_path).ids)
    engine = audit_engine(settings)
    if settle_build(engine, build.domain, results, known, datetime.now(UTC)):
        _show(build.domain, settings)


def record_publication(domain: str) -> list[str]:
    """Resolve what kept a domain from being published; a warning if that cannot be noted."""
    return _trouble(record_published(domain, return_state=True))


@task(
    name="record-published",
    task_run_name="errors of {domain}",
    cache_policy=NO_CACHE,
    **transient_retries,
)
def record_published(domain: str) -> None:
    """Resolve the publish errors of a domain."""
    settings = load_settings()
    if settle_done(audit_engine(settings), domain, "publish", datetime.now(UTC)):
        _show(domain, settings)


@contextmanager
def recorded_if_stopped(domain: str, stage: Stage) -> Iterator[None]:
    """Note an error of ours that ends a step as a whole.

    What goes wrong with that is logged: the run has failed already, and its own message matters
    more. Projects of others have no error ledger.
    """
    try:
        yield
    except AljibeError as error:
        if domain in known_domains(load_settings().project_dir):
            recorded = record_stopped(domain, fault_of(stage, None, error), return_state=True)
            for trouble in _trouble(recorded):
                get_run_logger().warning("%s", trouble)
        raise


@task(name="record-stopped", task_run_name="errors of {domain}", cache_policy=NO_CACHE)
def record_stopped(domain: str, fault: Fault) -> None:
    """Note that a step as a whole could not be done."""
    settings = load_settings()
    settle_stopped(audit_engine(settings), domain, _of_run(fault), datetime.now(UTC))
    _show(domain, settings)


def _of_run(fault: Fault) -> Fault:
    return replace(fault, details={**fault.details, "run": flow_run.get_id()})


def _show(domain: str, settings: Settings) -> None:
    warehouse = warehouse_of(settings, domain)
    prepare_warehouse(warehouse)
    with open_warehouse(warehouse) as connection:
        write_error_log(connection, audit_engine(settings), domain)


def _trouble(state: State[None]) -> list[str]:
    if state.is_completed():
        return []
    return [f"etl.error_log does not show the errors of this run: {state.message}"]
