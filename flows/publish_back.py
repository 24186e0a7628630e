"""publish_back(domain): give readers an earlier publication, or let the domain publish again."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.run_states import explained, only_writer, succeeded
from lakehouse.errors import AljibeError
from lakehouse.settings import load_settings
from lakehouse.source_catalog import load_catalog
from tasks.roll_back import release_hold, roll_back_serving


@flow(name="publish-back", flow_run_name="publish-back-{domain}")
def publish_back(
    domain: str, reason: str = "", build_id: str | None = None, release: bool = False
) -> State[Any]:
    """Roll a domain back to the publication before, and publish nothing until it is released.

    Args:
        domain: folder name below `dbt/models/`.
        reason: why, for those who meet the hold.
        build_id: the publication to go back to; default the one before.
        release: instead, let runs publish again.

    Returns:
        Completed, or Failed: no earlier copy is kept, and nothing was changed.
    """
    try:
        settings = load_settings()
        load_catalog(settings.project_dir, domain)
        if release:
            return succeeded(release_hold(domain))
        with only_writer(settings, domain):
            by = f"flow run {flow_run.get_name()}"
            return succeeded(roll_back_serving(domain, reason or "no reason given", by, build_id))
    except AljibeError as error:
        return explained(error)
