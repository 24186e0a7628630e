"""health(): look at what has to go on by itself, and tell operators what changed."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.run_states import explained, succeeded
from lakehouse.errors import AljibeError
from tasks.look_at_health import look_at_health


@flow(name="health")
def health() -> State[Any]:
    """Look at disks, audit database, locks, watcher, sources, builds, runs and the newest backup.

    Returns:
        Completed, or CompletedWithWarnings: something is in trouble; operators hear once of each
        change. Failed only if nothing could be looked at.
    """
    try:
        found = look_at_health()
    except AljibeError as error:
        return explained(error)
    return succeeded(found["summary"], [*found["troubles"], *found["warnings"]], data=found)
