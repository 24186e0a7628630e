"""Run again what crashed: a new run of the same deployment, once for each run that broke off."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterParentTaskRunId,
    FlowRunFilterStartTime,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound

from cli.worker.run_ends import in_states, read_all_flow_runs

ATTEMPT_LABEL = "aljibe.resume.attempt"
ORIGIN_LABEL = "aljibe.resume.origin"
DONE_LABEL = "aljibe.resume.done"
RESUMED_TAG = "resumed"
NEVER_TAG = "no-resume"
_NOT_OLDER_THAN = timedelta(hours=24)
_NOT_THESE_PARAMETERS = (httpx.codes.CONFLICT, httpx.codes.UNPROCESSABLE_ENTITY)
# Prefect cancels a run whose place under its deployment's limit a restart of the server forgot.
_SLOT_LOST = "concurrency slot lost"


async def crashed_runs(client: PrefectClient, pool: str) -> list[FlowRun]:
    """Runs of the pool's deployments that crashed in the last day and were not seen to."""
    found = await read_all_flow_runs(
        client,
        flow_run_filter=FlowRunFilter(
            state=in_states([StateType.CRASHED, StateType.CANCELLED]),
            end_time=FlowRunFilterEndTime.model_validate(
                {"after_": datetime.now(UTC) - _NOT_OLDER_THAN}
            ),
            parent_task_run_id=FlowRunFilterParentTaskRunId(is_null_=True),
        ),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
    )
    return [run for run in found if _broke_off(run) and not _is_done(run)]


async def resume(client: PrefectClient, run: FlowRun, deployment_id: UUID, attempts: int) -> str:
    """Schedule a run in place of one that crashed, unless that was done or makes no sense.

    Twice, or by two workers at once, it makes one run.

    Args:
        client: of the API.
        run: that crashed.
        deployment_id: of its deployment.
        attempts: how often a run, and what was started in its place, is run again at most.

    Returns:
        What was done about it, for the log.
    """
    attempt = int(run.labels.get(ATTEMPT_LABEL, 0)) + 1
    if NEVER_TAG in run.tags:
        return await _done(client, run, f"is not run again: it has the tag {NEVER_TAG}")
    if attempt > attempts:
        return await _done(client, run, f"is not run again: that was done {attempt - 1} times")
    if later := await _made_good(client, run, deployment_id):
        return await _done(client, run, f"is not run again: {later.name} did its work since")
    try:
        again = await client.create_flow_run_from_deployment(
            deployment_id,
            parameters=run.parameters,
            tags=[*run.tags, *([] if RESUMED_TAG in run.tags else [RESUMED_TAG])],
            job_variables=run.job_variables,
            idempotency_key=f"aljibe-resume-{run.id}",
            labels={
                ATTEMPT_LABEL: attempt,
                ORIGIN_LABEL: str(run.labels.get(ORIGIN_LABEL, run.id)),
            },
        )
    except ObjectNotFound:
        return await _done(client, run, "is not run again: its deployment is gone")
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        if code not in _NOT_THESE_PARAMETERS:
            raise
        return await _done(
            client, run, f"is not run again: the API refuses its parameters ({code})"
        )
    return await _done(client, run, f"is run again as {again.name} ({attempt} of {attempts})")


async def _done(client: PrefectClient, run: FlowRun, text: str) -> str:
    await client.update_flow_run_labels(run.id, {DONE_LABEL: text})
    return text


async def _made_good(client: PrefectClient, run: FlowRun, deployment_id: UUID) -> FlowRun | None:
    """A run of the same deployment and parameters that completed, all of it after this one."""
    ended = run.end_time or datetime.now(UTC)
    later = await read_all_flow_runs(
        client,
        flow_run_filter=FlowRunFilter(
            state=in_states([StateType.COMPLETED]),
            start_time=FlowRunFilterStartTime.model_validate({"after_": ended}),
        ),
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id])),
    )
    return next((one for one in later if _same_work(one, run)), None)


def _same_work(one: FlowRun, other: FlowRun) -> bool:
    return _without_cause(one.parameters) == _without_cause(other.parameters)


def _without_cause(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters but for the one that only says what woke the run."""
    return {name: value for name, value in parameters.items() if name != "arrived"}


def _broke_off(run: FlowRun) -> bool:
    if run.state is None:
        return False
    return run.state.is_crashed() or _SLOT_LOST in (run.state.message or "")


def _is_done(run: FlowRun) -> bool:
    return DONE_LABEL in run.labels
