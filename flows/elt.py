"""elt(domain): ingest, build, publish; the deployment of every domain."""

import time
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger

from flows.dbt_build import dbt_build
from flows.ingest import ingest
from flows.publish import publish
from flows.run_states import (
    explained,
    failed,
    one_heartbeat,
    only_writer,
    succeeded,
    summary_of,
    warnings_of,
)
from lakehouse.errors import AljibeError
from lakehouse.reports.run_events import slower_than_expected
from lakehouse.settings import load_settings
from lakehouse.source_catalog import load_catalog
from lakehouse.transform.dbt_command import DbtBuild
from tasks.build_in_parts import parts_wanted
from tasks.build_records import left_to_others
from tasks.emit_lineage import with_lineage
from tasks.report_stopped import report_stopped


@flow(name="elt", flow_run_name="elt-{domain}")
@with_lineage("elt")
def elt(
    domain: str,
    full_refresh: bool = False,
    rebuild_snapshots: bool = False,
    exclude: str | None = None,
    expected_seconds: float | None = None,
    arrived: int = 0,
    parts: int | None = None,
) -> State[Any]:
    """Bring a domain up to date: load what arrived, build, and publish if no test forbids it.

    Args:
        domain: folder name below `dbt/models/`, such as `pharma_latam`.
        full_refresh: rebuild incremental models, and do not skip an unchanged build.
        rebuild_snapshots: make snapshots anew from all deliveries in the lake.
        exclude: dbt's exclusion, such as `tag:weekly` for what another deployment builds; on a
            warehouse that lacks parts of the domain they are built too.
        expected_seconds: a run that takes longer ends with a warning that says so.
        arrived: files whose arrival woke this run, for its log; the ledger decides what is work.
        parts: into how many parts extraction and build are split for the workers of the pool;
            default `ALJIBE_EXTRACT_PARTS` and `ALJIBE_BUILD_PARTS`.

    Returns:
        Completed; CompletedWithWarnings: published, with findings to look at; or Failed, which
        names what failed: nothing was published, and readers keep the last good state.
    """
    began = time.monotonic()
    if arrived:
        get_run_logger().info("%s: woken by %s files that arrived.", domain, arrived)
    try:
        settings = load_settings()
        load_catalog(settings.project_dir, domain)
        parts_wanted(DbtBuild.of(settings, domain), parts)
        with only_writer(settings, domain), one_heartbeat():
            ingested = ingest(domain, parts=parts, return_state=True)
            if not ingested.is_completed():
                report_stopped(domain, f"ingest: {ingested.message}")
                return failed(f"Nothing was built or published; ingest: {ingested.message}")
            built = dbt_build(
                domain,
                exclude=left_to_others(domain, exclude),
                full_refresh=full_refresh,
                rebuild_snapshots=rebuild_snapshots,
                parts=parts,
                return_state=True,
            )
            if not built.is_completed():
                return failed(f"Nothing was published: {built.message}")
            published = publish(domain, return_state=True)
            if not published.is_completed():
                return failed(f"Nothing was published: {published.message}")
    except AljibeError as error:
        return explained(error)
    steps = "; ".join(summary_of(state) for state in (ingested, built, published))
    slow = slower_than_expected(time.monotonic() - began, expected_seconds)
    warnings = [*warnings_of(built), *warnings_of(published), *warnings_of(ingested)]
    return succeeded(f"{domain}: {steps}", [*warnings, *([slow] if slow else [])])
