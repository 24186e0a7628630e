"""housekeeping(domain): judge which files came that were expected."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.run_states import explained, succeeded
from lakehouse.errors import AljibeError
from tasks.judge_arrivals import judge_arrivals


@flow(name="housekeeping")
def housekeeping(domain: str | None = None) -> State[Any]:
    """Say of every expected file whether it came, was late, too small, or came twice.

    Args:
        domain: folder name below `dbt/models/`; all domains, with the page over them, if left out.

    Returns:
        Completed, or CompletedWithWarnings: a file is late or missing; or Failed: the sources of
        the domain cannot be read.
    """
    try:
        board = judge_arrivals(domain)
    except AljibeError as error:
        return explained(error)
    warnings = [*board["missing"], *board["late"], *board["warnings"]]
    return succeeded(board["summary"], warnings, data=board)
