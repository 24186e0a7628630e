"""Retry and cache rules that the tasks share."""

from typing import Any

from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff

from lakehouse.errors import TransientError

RETRIES = 3
FIRST_DELAY_SECONDS = 2


def is_transient(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Allow another try for transient errors only: the class decides, nothing else."""
    error = state.data if isinstance(state.data, BaseException) else _error_of(state)
    return isinstance(error, TransientError | ConnectionError | TimeoutError)


def _error_of(state: State[Any]) -> object:
    return state.result(raise_on_failure=False)


transient_retries: dict[str, Any] = {
    "retries": RETRIES,
    "retry_delay_seconds": exponential_backoff(FIRST_DELAY_SECONDS),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": is_transient,
}
