"""retention(): let go what nobody needs any more; RAW is never among it."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.run_states import explained, only_writer, succeeded
from lakehouse.errors import AljibeError
from lakehouse.settings import load_settings
from tasks.remove_expired import remove_what_expired
from tasks.tidy_warehouse import domains_to_tidy, tidy_warehouse


@flow(name="retention")
def retention() -> State[Any]:
    """Remove settled quarantine, pages of domains that are gone, and what dead processes left.

    Of warehouses that are lakes, small files become large ones, and old snapshots go.

    Returns:
        Completed; CompletedWithWarnings where a domain could not be judged or tidied; or Failed.
    """
    try:
        done = remove_what_expired()
        settings = load_settings()
        tidied, untidied = [], []
        for domain in domains_to_tidy():
            try:
                with only_writer(settings, domain):
                    tidied.append(tidy_warehouse(domain))
            except AljibeError as error:
                untidied.append(f"{domain} was not tidied: {error}")
    except AljibeError as error:
        return explained(error)
    return succeeded("; ".join((done["summary"], *tidied)), [*done["warnings"], *untidied])
