"""publish(domain): what a good build made, to where readers look; all of it or nothing."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.run_states import explained, only_writer, succeeded
from lakehouse.errors import AljibeError, PublishRefused
from lakehouse.settings import load_settings
from lakehouse.source_catalog import load_catalog
from tasks.emit_lineage import emit_publication, with_lineage
from tasks.hold_publication import find_hold, keep_serving
from tasks.publish_serving import publish_serving
from tasks.record_errors import record_publication, recorded_if_stopped
from tasks.report_balance import report_balance
from tasks.report_publication import report_publication


@flow(name="publish", flow_run_name="publish-{domain}")
@with_lineage("publish")
def publish(domain: str) -> State[Any]:
    """Replace what readers have of a domain by the tables of its last good build.

    They read its serving copy, and a PostgreSQL where `ALJIBE_SERVING_URL` names one.

    Args:
        domain: folder name below `dbt/models/`.

    Returns:
        Completed; CompletedWithWarnings while the domain is held after a roll back; or Failed when
        the last results do not allow it. In both of these nothing was replaced.
    """
    try:
        settings = load_settings()
        load_catalog(settings.project_dir, domain)
        with only_writer(settings, domain):
            held = find_hold(domain)
            if held is not None:
                why, rows = held
                warnings = [why, *report_publication(domain, "unchanged")]
                return succeeded(f"{len(rows)} tables stay as they are", warnings, data=rows)
            keep_serving(domain)
            try:
                with recorded_if_stopped(domain, "publish"):
                    published = publish_serving(domain)
            except PublishRefused as error:
                report_publication(domain, "refused", error)
                raise
            rows, replaced = published.rows, published.replaced
            emit_publication(domain, rows, replaced=replaced, database=published.database)
            warnings = report_publication(domain, "published" if replaced else "unchanged")
            warnings += published.warnings
            if published.in_database is not None:
                warnings += report_balance(domain, rows, published.in_database)
            warnings += record_publication(domain)
    except AljibeError as error:
        return explained(error)
    where = " to PostgreSQL and the serving copy" if published.database else ""
    when = f"published{where}" if replaced else "were published already"
    return succeeded(f"{len(rows)} tables, {sum(rows.values())} rows, {when}", warnings, data=rows)
