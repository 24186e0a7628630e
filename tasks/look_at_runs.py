"""What Prefect says of the runs that bring domains up to date."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.client.schemas.sorting import FlowRunSort

from lakehouse.health.health_check import HealthCheck
from lakehouse.health.run_health import (
    DeploymentSeen,
    RunSeen,
    check_deployments,
    check_open_runs,
)

_FLOW = FlowFilter(name=FlowFilterName(any_=["elt"]))
_ENDED = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]
_OPEN = [StateType.RUNNING, StateType.PENDING, StateType.SCHEDULED, StateType.CANCELLING]
_MOST_RUNS = 200


def look_at_runs(now: datetime, patience_seconds: float) -> list[HealthCheck]:
    """Judge the deployments of `elt` and the runs of all flows that have not ended."""
    patience = timedelta(seconds=patience_seconds)
    try:
        with get_client(sync_client=True) as client:
            seen = list(_deployments(client))
            runs = list(_open_runs(client, now))
    except httpx.HTTPError as error:
        said = f"the Prefect API does not answer: {error or type(error).__name__}"
        return [HealthCheck("Prefect", "answer", "broken", said)]
    return [
        HealthCheck("Prefect", "answer", "ok", f"{len(seen)} deployments of elt"),
        *check_deployments(seen, now, patience),
        *check_open_runs(runs, now, patience),
    ]


def _deployments(client: SyncPrefectClient) -> Iterator[DeploymentSeen]:
    for one in client.read_deployments(flow_filter=_FLOW):
        last = _newest(client, one, _ENDED)
        good = (
            last
            if last is None or last.state_type == StateType.COMPLETED
            else _newest(client, one, [StateType.COMPLETED])
        )
        yield DeploymentSeen(
            name=f"elt/{one.name}",
            created_at=one.created or datetime.now(UTC),
            crons=_crons(one),
            last_good=good.start_time if good else None,
            last_state=last.state_name if last else None,
            last_message=(last.state.message or "") if last and last.state else "",
            last_was_good=last is None or last.state_type == StateType.COMPLETED,
        )


def _newest(
    client: SyncPrefectClient, deployment: DeploymentResponse, states: list[StateType]
) -> FlowRun | None:
    found = client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states))
        ),
        sort=FlowRunSort.START_TIME_DESC,
        limit=1,
    )
    return found[0] if found else None


def _open_runs(client: SyncPrefectClient, now: datetime) -> Iterator[RunSeen]:
    found = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_OPEN))
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=_MOST_RUNS,
    )
    for run in found:
        is_running = run.state_type == StateType.RUNNING
        since = run.start_time if is_running else run.expected_start_time
        # A subflow is judged with the run around it.
        if since is None or since > now or run.parent_task_run_id is not None:
            continue
        yield RunSeen(
            name=run.name,
            state=run.state_name or "",
            since=since,
            is_running=is_running,
            expected_seconds=run.parameters.get("expected_seconds"),
        )


def _crons(deployment: DeploymentResponse) -> tuple[tuple[str, str], ...]:
    if deployment.paused:
        return ()
    return tuple(
        (one.schedule.cron, one.schedule.timezone or "UTC")
        for one in deployment.schedules
        if one.active and isinstance(one.schedule, CronSchedule)
    )
