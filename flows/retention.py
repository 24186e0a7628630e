"""retention(): let go what nobody needs any more; RAW is never among it."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.run_states import explained, succeeded
from lakehouse.errors import AljibeError
from tasks.remove_expired import remove_what_expired


@flow(name="retention")
def retention() -> State[Any]:
    """Remove settled quarantine, pages of domains that are gone, and what dead processes left.

    Returns:
        Completed; CompletedWithWarnings where a domain could not be judged; or Failed.
    """
    try:
        done = remove_what_expired()
    except AljibeError as error:
        return explained(error)
    return succeeded(done["summary"], done["warnings"])
