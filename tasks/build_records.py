"""The record of a build: whether one is needed, that it began, how it ended."""

from collections.abc import Sequence
from dataclasses import replace

from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from lakehouse.errors import DbtCouldNotRun
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.ledger import CurrentBatch
from lakehouse.lake.run_parts import RunParts
from lakehouse.quality.build_results import BuildResults
from lakehouse.quality.dbt_manifest import read_manifest
from lakehouse.quality.dbt_results import read_results
from lakehouse.quality.model_sizes import with_sizes
from lakehouse.settings import load_settings
from lakehouse.transform.build_history import BuildHistory, BuildRecord
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.fingerprint import build_fingerprint
from lakehouse.transform.unbuilt_parts import has_unbuilt_parts, left_out_tests, tests_among
from lakehouse.transform.warehouse_mark import mark_build, marked_build
from tasks.judge_sources import SourcesJudged

_MOST_NAMED = 3


def nothing_new(build: DbtBuild, current: Sequence[CurrentBatch]) -> BuildRecord | None:
    """Give the last build if this one would only repeat it.

    It must have ended well, from the same deliveries, files and options; its results must still
    be there, and the warehouse must be the one that it built.
    """
    if build.foreign or build.full_refresh:
        return None
    last = _history().last(build.domain)
    if not last or not last.is_good or last.fingerprint != build_fingerprint(build, current):
        return None
    if marked_build(build.warehouse) != last.build_id:
        return None
    try:
        results = read_results(build.target_path)
    except DbtCouldNotRun:
        return None
    if results.invocation_id != last.invocation_id:
        return None
    get_run_logger().info(
        "%s: no delivery, model or variable changed since the build of %s; dbt is skipped and its "
        "verdict stands: %s.",
        build.domain,
        f"{last.started_at:%Y-%m-%d %H:%M} UTC",
        results.headline(),
    )
    return last


def start_build(build: DbtBuild, current: Sequence[CurrentBatch], *, in_parts: bool = False) -> str:
    """Note that the warehouse is about to change; returns the build's id.

    A build in parts that was broken off goes on under its id, if all that it depends on is as it
    was and nothing was built since.
    """
    # Another project is never skipped, and its folder may hold its warehouse.
    fingerprint = "" if build.foreign else build_fingerprint(build, current)
    history, run_id = _history(), flow_run.get_id()
    last = history.last(build.domain) if in_parts else None
    if (
        last is not None
        and last.status == "running"
        and last.fingerprint == fingerprint
        and marked_build(build.warehouse) == last.build_id
    ):
        history.go_on(last.build_id, run_id)
        get_run_logger().info("%s: the build that was broken off goes on.", build.domain)
        return last.build_id
    build_id = history.start(build.domain, fingerprint, run_id=run_id)
    if in_parts:
        with open_warehouse(build.warehouse) as connection:
            mark_build(connection, build_id)
    return build_id


def fit_to_warehouse(build: DbtBuild) -> DbtBuild:
    """The same build, without tests of parts that the warehouse does not hold yet."""
    if build.foreign or not build.select or not has_unbuilt_parts(build):
        return build
    return replace(build, only_buildable_tests=True)


def left_to_others(domain: str, exclude: str | None) -> str | None:
    """What a run leaves to another deployment: only tests as long as the warehouse lacks parts.

    Readers get a domain whole, so its first run builds also what is due once a week.

    Args:
        domain: whose warehouse, of which the caller is the only writer.
        exclude: dbt's exclusion that the run was given.
    """
    if not exclude or not has_unbuilt_parts(DbtBuild.of(load_settings(), domain)):
        return exclude
    get_run_logger().info(
        "%s: its warehouse does not hold all of it yet: what %s names is built this time too.",
        domain,
        exclude,
    )
    return tests_among(exclude)


def finish_build(build: DbtBuild, build_id: str, sources: SourcesJudged) -> BuildResults:
    """Note how every node ended, open and end incidents, and mark the warehouse with the build.

    Returns:
        The results, with the freshness of sources among them.

    Raises:
        DbtCouldNotRun: dbt left no results; the build stays recorded as not ended.
    """
    results = sources.added_to(read_results(build.target_path))
    for node in results.blocking:
        get_run_logger().error("%s: %s", node.label, node.message or node.status)
    if not build.foreign:
        with open_warehouse(build.warehouse) as connection:
            mark_build(connection, build_id)
            results = with_sizes(connection, results)
    manifest = read_manifest(build.target_path)
    known = {node.unique_id for node in results.nodes} | set(manifest.ids)
    _history().finish(
        build_id,
        results.verdict,
        results,
        known=known,
        sources=sources.facts,
        left_out=left_out_tests(build, results, manifest),
    )
    RunParts(audit_engine(load_settings())).forget_outcomes(build_id)
    return results


def tests_to_come(build: DbtBuild) -> list[str]:
    """A warning if tests were left out: nothing is published before they run."""
    left_out = left_out_tests(
        build, read_results(build.target_path), read_manifest(build.target_path)
    )
    if not left_out:
        return []
    names = ", ".join(list(left_out.values())[:_MOST_NAMED])
    more = f" and {len(left_out) - _MOST_NAMED} more" if len(left_out) > _MOST_NAMED else ""
    return [
        f"not tested yet, as they also read what was never built: {names}{more}; nothing is "
        "published before they run"
    ]


def record_sources(build: DbtBuild, sources: SourcesJudged) -> None:
    """Note the freshness of sources on a run without a build."""
    _history().record_checks(build.domain, str(flow_run.get_id()), sources.checks)


def _history() -> BuildHistory:
    return BuildHistory(audit_engine(load_settings()))
