"""End flow runs on the API whose processes are gone, with everything inside them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Cancelled, Crashed

UNFINISHED = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
_PAGE = 200


def in_states(types: Sequence[StateType]) -> FlowRunFilterState:
    """Filter by types of states."""
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))


async def read_all_flow_runs(client: PrefectClient, **filters: Any) -> list[FlowRun]:
    """Every flow run that the filters of `read_flow_runs` let through."""
    found: list[FlowRun] = []
    while page := await client.read_flow_runs(limit=_PAGE, offset=len(found), **filters):
        found += page
        if len(page) < _PAGE:
            break
    return found


async def end_run(client: PrefectClient, run_id: UUID, message: str, *, force: bool = False) -> str:
    """End a run that has no process any more, its subflow runs and their task runs.

    A run that was being cancelled is cancelled; any other is crashed. What has ended already
    keeps its state.

    Args:
        client: of the API.
        run_id: the flow run.
        message: why, for people.
        force: also replace a state of failure that it has reached meanwhile.

    Returns:
        Name of the state that the run has now.
    """
    run = await client.read_flow_run(run_id)
    ended = _ended(run.state, message)
    if run.state is None or not run.state.is_final() or (force and not run.state.is_completed()):
        await client.set_flow_run_state(run.id, ended, force=force)
    await end_inside(client, [run.id], message)
    state = (await client.read_flow_run(run_id)).state
    return str(state.name if state else ended.name)


async def end_inside(client: PrefectClient, run_ids: list[UUID], message: str) -> int:
    """End the subflow runs and task runs of flow runs, however deep.

    Returns:
        How many flow runs were ended.
    """
    await _end_tasks(client, run_ids, message)
    found = await read_all_flow_runs(
        client,
        flow_run_filter=FlowRunFilter(
            parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=run_ids)
        ),
    )
    # What runs through its own deployment has its own process.
    children = [run for run in found if run.deployment_id is None]
    if not children:
        return 0
    unfinished = [run for run in children if run.state and not run.state.is_final()]
    for run in unfinished:
        await client.set_flow_run_state(run.id, _ended(run.state, message))
    return len(unfinished) + await end_inside(client, [run.id for run in children], message)


async def _end_tasks(client: PrefectClient, run_ids: list[UUID], message: str) -> None:
    # Those that are ended leave the filter, so that the first page is always the next one.
    while tasks := await client.read_task_runs(
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=run_ids)),
        task_run_filter=TaskRunFilter(
            state=TaskRunFilterState(type=TaskRunFilterStateType(any_=UNFINISHED))
        ),
        limit=_PAGE,
    ):
        for task in tasks:
            await client.set_task_run_state(task.id, Crashed(message=message), force=True)
        if len(tasks) < _PAGE:
            break


def _ended(state: State[Any] | None, message: str) -> State[Any]:
    if state is not None and state.is_cancelling():
        return Cancelled(message=message)
    return Crashed(message=message)
