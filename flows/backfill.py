"""backfill(domain, from_date, to_date): build the rows of a range of days anew, and publish."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.dbt_build import dbt_build
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
from lakehouse.settings import load_settings
from lakehouse.source_catalog import load_catalog
from lakehouse.transform.backfill_range import backfill_variables
from tasks.emit_lineage import with_lineage


def _run_name() -> str:
    given = flow_run.parameters
    first = given["from_date"]
    return f"backfill-{given['domain']}-{first}-{given.get('to_date') or first}"


@flow(name="backfill", flow_run_name=_run_name)
@with_lineage("backfill")
def backfill(domain: str, from_date: date, to_date: date | None = None) -> State[Any]:
    """Build incremental rows of a range of days anew from RAW, as a full refresh would.

    Models read the range from the dbt variables `backfill_from` and `backfill_to`; what they do
    not limit by days is built as always. A domain of which nothing reads them is refused.

    Args:
        domain: folder name below `dbt/models/`, such as `olist`.
        from_date: first day, in the time of the domain's own dates.
        to_date: last day, included; default `from_date`, one day.

    Returns:
        Completed, CompletedWithWarnings or Failed, as `elt` does.
    """
    try:
        settings = load_settings()
        load_catalog(settings.project_dir, domain)
        days = backfill_variables(settings.project_dir, domain, from_date, to_date or from_date)
        with only_writer(settings, domain), one_heartbeat():
            built = dbt_build(domain, vars=days, return_state=True)
            if not built.is_completed():
                return failed(f"Nothing was published: {built.message}")
            published = publish(domain, return_state=True)
            if not published.is_completed():
                return failed(f"Nothing was published: {published.message}")
    except AljibeError as error:
        return explained(error)
    steps = "; ".join(summary_of(state) for state in (built, published))
    return succeeded(f"{domain}: {steps}", [*warnings_of(built), *warnings_of(published)])
