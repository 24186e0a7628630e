"""Prefect's process worker, which can stop pulling while its runs go on, and outlives the API."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.workers.process import ProcessWorker, ProcessWorkerResult

from cli.worker.identity import HOME_LABEL, WorkerIdentity
from cli.worker.say import say

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

_HEALTHY_SECONDS = 90.0
_SERVER_FAULT = 500


class LastingProcessWorker(ProcessWorker):
    """Runs each flow run in a process of its own.

    Prefect's own worker ends its runs when it is told to stop, and stops when the API does not
    answer for a minute or two; this one does neither.

    Attributes:
        active: flow runs whose processes it started and waits for.
        is_draining: whether it takes no more runs.
    """

    def __init__(self, identity: WorkerIdentity, pool: str) -> None:
        """Prepare a worker of this name that pulls from `pool`."""
        super().__init__(work_pool_name=pool, name=identity.name)
        self.active: set[UUID] = set()
        self.is_draining = False
        self._identity = identity
        self._polled_at = datetime.now(UTC)
        self._is_polling = False
        self._fault = ""

    @classmethod
    def __dispatch_key__(cls) -> str:
        """A key of its own: Prefect's process worker keeps its place among the types."""
        return "aljibe-process"

    @property
    def is_busy(self) -> bool:
        """Whether a run goes on, or is being taken this moment."""
        return bool(self.active or self._submitting_flow_run_ids or self._is_polling)

    async def get_and_submit_flow_runs(self) -> list["FlowRun"]:
        """Take what waits in the pool; nothing while draining or while the API is away."""
        if self.is_draining:
            return []
        submitted: list[FlowRun] = []

        async def _poll() -> None:
            nonlocal submitted
            self._is_polling = True
            try:
                submitted = await super(LastingProcessWorker, self).get_and_submit_flow_runs()
            finally:
                self._is_polling = False
            if self._has_successfully_synced:
                self._polled_at = datetime.now(UTC)

        await self._unless_away(_poll)
        return submitted

    async def _get_scheduled_flow_runs(self) -> list[Any]:
        # The next poll is the retry; the client's own would wait half a minute after an outage.
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            return await super()._get_scheduled_flow_runs()

    async def sync_with_backend(self) -> None:
        """Tell the API that this worker lives."""
        await self._unless_away(super().sync_with_backend)

    async def run(
        self, flow_run: "FlowRun", configuration: Any, task_status: Any = None
    ) -> ProcessWorkerResult:
        """Run it in a process, and know until its end that it is ours."""
        self.active.add(flow_run.id)
        try:
            with suppress(ObjectNotFound):
                await self.client.update_flow_run_labels(
                    flow_run.id, {HOME_LABEL: self._identity.home_id}
                )
            return await super().run(flow_run, configuration, task_status)
        finally:
            self.active.discard(flow_run.id)

    def is_worker_still_polling(self, query_interval_seconds: float) -> bool:
        """Whether the API answered a poll lately; asked by the health endpoint."""
        longest = max(_HEALTHY_SECONDS, 3 * query_interval_seconds)
        silent = (datetime.now(UTC) - self._polled_at).total_seconds()
        return self.is_draining or silent < longest

    async def _unless_away(self, ask: Callable[[], Any]) -> None:
        try:
            await ask()
        except (httpx.TransportError, httpx.HTTPStatusError) as error:
            if isinstance(error, httpx.HTTPStatusError):
                if error.response.status_code < _SERVER_FAULT:
                    raise
                fault = f"answers {error.response.status_code}"
            else:
                fault = f"does not answer: {error or type(error).__name__}"
            if not self._fault:
                say(f"the Prefect API {fault}; runs go on, no new ones are taken until it is back")
            self._fault = fault
        else:
            if self._fault:
                say("the Prefect API is back")
            self._fault = ""
