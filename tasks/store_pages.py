"""Copy the pages of a run to where the dashboard serves them from."""

from prefect.logging import get_run_logger
from pydantic import SecretStr

from blocks.serving_database import serving_database_url
from lakehouse.errors import AljibeError, PrefectUnavailable
from lakehouse.reports.page_store.chosen_store import page_stores
from lakehouse.settings import Settings


def store_pages(domain: str | None, settings: Settings) -> list[str]:
    """Copy what changed; without an address there is nothing to do.

    Args:
        domain: whose pages were written; None: only those over all domains.
        settings: of this machine.

    Returns:
        A warning for each store that could not take them; the run goes on.
    """
    warnings = []
    try:
        for store in page_stores(_with_saved_block(settings)):
            try:
                stored = store.store(settings.reports, domain)
            except AljibeError as error:
                warnings.append(str(error))
            else:
                get_run_logger().info(
                    "Pages stored: %d written, %d as before, %d removed.",
                    stored.written,
                    stored.unchanged,
                    stored.removed,
                )
    except AljibeError as error:
        warnings.append(str(error))
    for warning in warnings:
        get_run_logger().warning("%s", warning)
    return warnings


def _with_saved_block(settings: Settings) -> Settings:
    """Pages go to the database that the tables are published to, which a saved block may name."""
    try:
        url = serving_database_url(settings)
    except PrefectUnavailable:
        return settings
    there = SecretStr(url.render_as_string(hide_password=False)) if url else None
    return settings.model_copy(update={"serving_url": there})
