"""dbt_build(domain, ...): one dbt build under the domain's lock; its tests become artifacts."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.run_states import explained, failed, only_writer, succeeded
from lakehouse.errors import AljibeError
from lakehouse.settings import load_settings
from lakehouse.source_catalog import load_catalog
from lakehouse.transform.dbt_command import DbtBuild
from tasks.build_catalog import build_data_catalog
from tasks.build_in_parts import parts_wanted, run_dbt_in_parts, wait_for_left_parts
from tasks.build_records import (
    finish_build,
    fit_to_warehouse,
    nothing_new,
    record_sources,
    start_build,
    tests_to_come,
)
from tasks.emit_lineage import emit_build, with_lineage
from tasks.judge_sources import judge_sources
from tasks.record_errors import record_build, recorded_if_stopped
from tasks.register_raw import register_raw
from tasks.replay_deliveries import replay_deliveries
from tasks.report_results import report_results
from tasks.report_stopped import told_if_stopped
from tasks.run_dbt import run_dbt_build, run_dbt_with_node_tasks


@flow(name="dbt-build", flow_run_name="dbt-build-{domain}")
@with_lineage("dbt_build")
def dbt_build(
    domain: str,
    select: str | None = None,
    exclude: str | None = None,
    target: str | None = None,
    full_refresh: bool = False,
    rebuild_snapshots: bool = False,
    vars: dict[str, Any] | None = None,  # noqa: A002  (dbt's own word, and the form's label)
    threads: int | None = None,
    project_dir: str | None = None,
    profiles_dir: str | None = None,
    trace_nodes: bool = False,
    parts: int | None = None,
) -> State[Any]:
    """Build a domain, or any dbt project, and report every test.

    A build is skipped when no delivery, no model and no variable changed since the last one and
    that one was good; the reports then repeat its verdict.

    Args:
        domain: folder name below `dbt/models/`; with `project_dir`, a name for the reports.
        select: dbt's node selection, within the domain; default all of it. As long as parts of
            the domain were never built, tests that read them too wait, and so does publishing.
        exclude: dbt's exclusion.
        target: target of the profile; default the profile's own.
        full_refresh: rebuild incremental models, and never skip.
        rebuild_snapshots: make snapshots anew from all deliveries in the lake, and never skip.
        vars: dbt variables.
        threads: models built at once; default `ALJIBE_DBT_THREADS`.
        project_dir: another dbt project; default this one's.
        profiles_dir: folder of its profiles.yml; default the project's folder.
        trace_nodes: one task run for each node, for the graph in the UI; several times slower.
        parts: parts of its graph that workers of the pool build at the same time, where the target
            has room for several writers; default `ALJIBE_BUILD_PARTS`.

    Returns:
        Completed, CompletedWithWarnings (tests that warn) or Failed, which names what failed.
    """
    try:
        settings = load_settings()
        build = DbtBuild.of(
            settings,
            domain,
            select=select,
            exclude=exclude,
            target=target,
            full_refresh=full_refresh,
            variables=vars,
            threads=threads,
            project_dir=project_dir,
            profiles_dir=profiles_dir,
        )
        if not build.foreign:
            load_catalog(settings.project_dir, domain)
        most_parts = 1 if trace_nodes else parts_wanted(build, parts)
        with (
            only_writer(settings, domain) as lock,
            told_if_stopped(domain),
            recorded_if_stopped(domain, "transform"),
        ):
            wait_for_left_parts(domain)
            current = [] if build.foreign else register_raw(domain)
            build = fit_to_warehouse(build)
            skipped = None if rebuild_snapshots else nothing_new(build, current)
            held = lock.descriptors
            if skipped is None:
                # Snapshots that are made anew are not what a part built before.
                resumable = most_parts > 1 and not rebuild_snapshots
                build_id = start_build(build, current, in_parts=resumable)
                replay_deliveries(build, held, rebuild_snapshots)
                if trace_nodes:
                    run_dbt_with_node_tasks(build)
                elif most_parts > 1:
                    run_dbt_in_parts(build, build_id, most_parts, held)
                else:
                    run_dbt_build(build, held)
                sources = judge_sources(build, build_id, None, held)
                finish_build(build, build_id, sources)
            else:
                build_id = skipped.build_id
                sources = judge_sources(build, build_id, skipped, held)
                record_sources(build, sources)
            emit_build(build, skipped)
            unrecorded = [*tests_to_come(build), *record_build(build, sources)]
            catalog = build_data_catalog(build, held)
            report = report_results(build, build_id, skipped, sources)
    except AljibeError as error:
        return explained(error)
    if report.verdict == "failed":
        return failed(report.message)
    warnings = [*report.warnings, *unrecorded, *catalog]
    return succeeded(report.message, warnings, report.to_dict())
