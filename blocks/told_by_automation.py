"""Whether operators hear of a failed run by the automation, so that nothing else need tell them."""

from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.events.schemas.automations import Automation, EventTrigger
from prefect.exceptions import ObjectNotFound

from blocks.automations import AUTOMATION, WORK_POOL

_FAILED = "prefect.flow-run.Failed"


def told_by_automation(run_id: str) -> bool:
    """Whether the automation tells of the run that this one is a part of, if it fails.

    Args:
        run_id: of a flow run, or of a subflow of one.

    Returns:
        False also where the API does not know the run or does not answer: better told twice.
    """
    try:
        with get_client(sync_client=True) as client:
            if not any(map(_tells_of_failed, client.read_automations_by_name(AUTOMATION))):
                return False
            return _outermost(client, UUID(run_id)).work_pool_name == WORK_POOL
    except (httpx.HTTPError, ObjectNotFound, ValueError):
        return False


def _tells_of_failed(automation: Automation) -> bool:
    trigger = automation.trigger
    return automation.enabled and isinstance(trigger, EventTrigger) and _FAILED in trigger.expect


def _outermost(client: SyncPrefectClient, run_id: UUID) -> FlowRun:
    run = client.read_flow_run(run_id)
    while run.parent_task_run_id:
        around = client.read_task_run(run.parent_task_run_id).flow_run_id
        if around is None:
            break
        run = client.read_flow_run(around)
    return run
