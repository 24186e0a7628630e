"""quarantine(action): list, show, replay or discard deliveries that were refused."""

from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State

from flows.run_states import explained, failed, succeeded
from lakehouse.errors import AljibeError, QuarantineRefused
from lakehouse.table_load import TableLoad
from tasks.settle_quarantine import (
    discard_quarantine,
    list_quarantine,
    replay_quarantine,
    show_quarantine,
)


@flow(name="quarantine", flow_run_name="quarantine-{action}")
def quarantine(
    action: Literal["list", "show", "replay", "discard"] = "list",
    domain: str | None = None,
    delivery: int | None = None,
    reason: str | None = None,
) -> State[Any]:
    """Look at deliveries in quarantine and decide about them.

    Args:
        action: `list` posts a table; `show` a page about one delivery; `replay` loads one again
            under the contract as it is now; `discard` decides that it will not be loaded.
        domain: folder name below `dbt/models/`; all domains if left out.
        delivery: number of the delivery, for every action but `list`.
        reason: why it is discarded, at least ten characters.

    Returns:
        Completed, or Failed: nothing could be decided, or a replayed delivery was refused again.
    """
    try:
        if action == "list":
            rows = list_quarantine(domain)
            still_open = sum(row["state"] == "open" for row in rows)
            waiting = "1 delivery waits" if still_open == 1 else f"{still_open} deliveries wait"
            return succeeded(f"{waiting} for a decision", data=rows)
        if delivery is None:
            raise QuarantineRefused(f"{action} needs the number of a delivery; list shows them.")
        if action == "show":
            return succeeded(f"delivery {delivery} is {show_quarantine(domain, delivery)}")
        if action == "discard":
            decision = discard_quarantine(domain, delivery, reason or "")
            return succeeded(f"delivery {delivery} was {decision}")
        load = TableLoad.from_dict(replay_quarantine(domain, delivery))
    except AljibeError as error:
        return explained(error)
    if any(file.status == "quarantined" for file in load.deliveries):
        return failed(f"delivery {delivery} was refused again: {load.deliveries[0].reason}")
    return succeeded(f"{load.deliveries[0]}; the next run of its domain builds with it")
