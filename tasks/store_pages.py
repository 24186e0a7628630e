"""Copy the pages of a run to where the dashboard serves them from."""

from prefect.logging import get_run_logger

from lakehouse.errors import AljibeError
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
        for store in page_stores(settings):
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
