"""The automation that ends runs which send no heartbeat any more."""

from datetime import timedelta

import httpx
from prefect.automations import Automation
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from blocks.declared import api_fault

AUTOMATION = "aljibe-crash-zombie-runs"
HEARTBEAT_SECONDS, SILENT_SECONDS = 30, 90
_PAGE = 200
_HEARTBEAT = "prefect.flow-run.heartbeat"
# Names of states, of ours and of Prefect's, after which a run sends no heartbeat.
_AT_REST = (
    "Completed",
    "CompletedWithWarnings",
    "Failed",
    "TimedOut",
    "Crashed",
    "Cancelled",
    "Cancelling",
    "Paused",
    "Suspended",
    "AwaitingRetry",
    "Scheduled",
    "Late",
)


def save_zombie_automation(pool: str) -> str:
    """Make the automation, or bring it up to date with the deployments of the pool.

    Runs of others on the same API are left alone: their heartbeats may be rarer. One that was
    switched off in the UI stays off.

    Returns:
        A line that says what was done.

    Raises:
        BlockInvalid: the API refuses.
        PrefectUnavailable: the API does not answer.
    """
    try:
        return _save(pool)
    except httpx.HTTPError as error:
        raise api_fault(AUTOMATION, error) from None


def _save(pool: str) -> str:
    with get_client(sync_client=True) as client:
        deployments = _deployments_of(client, pool)
        saved = client.read_automations_by_name(AUTOMATION)
        if not deployments:
            for one in saved:
                client.delete_automation(one.id)
            return f"left out {AUTOMATION}: no deployment pulls from the pool {pool}"
    wanted = Automation(
        name=AUTOMATION,
        description=f"Ends runs that sent no heartbeat for {SILENT_SECONDS} s.",
        enabled=all(one.enabled for one in saved),
        trigger=EventTrigger(
            after={_HEARTBEAT},
            expect={_HEARTBEAT, *(f"prefect.flow-run.{state}" for state in _AT_REST)},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification(
                {"prefect.resource.role": "deployment", "prefect.resource.id": deployments}
            ),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=SILENT_SECONDS),
        ),
        actions=[
            ChangeFlowRunState(
                name=None,
                state=StateType.CRASHED,
                message=f"no heartbeat for {SILENT_SECONDS} s",
                force=False,
            )
        ],
    )
    if saved:
        wanted.id = saved[0].id
        wanted.update()
    else:
        wanted.create()
    return f"saved {AUTOMATION}, over {len(deployments)} deployments"


def _deployments_of(client: SyncPrefectClient, pool: str) -> list[str]:
    found: list[str] = []
    while page := client.read_deployments(
        deployment_filter=DeploymentFilter(),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
        limit=_PAGE,
        offset=len(found),
    ):
        found += [f"prefect.deployment.{one.id}" for one in page]
    return sorted(found)
