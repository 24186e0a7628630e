"""Find runs that broke off, end them with their processes and subflows, and run them again."""

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentTaskRunId,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from cli.worker.identity import (
    HOME_LABEL,
    HOME_VARIABLE,
    NAME_LABEL,
    NAME_VARIABLE,
    RUN_VARIABLE,
    WorkerIdentity,
)
from cli.worker.resume import crashed_runs, resume
from cli.worker.run_ends import UNFINISHED, end_inside, end_run, in_states, read_all_flow_runs
from cli.worker.say import say
from cli.worker.server_clock import server_now
from lakehouse.host_processes import HostProcess, end_processes, processes_with

# A worker that lives starts a run within seconds of taking it.
_UNNAMED_SECONDS = 120.0
# Wherever it was taken: a process that has not begun by now does not begin any more.
_NEVER_BEGUN_SECONDS = 900.0
# A worker that is offline longer than this does not come back by itself in time.
_OFFLINE_SECONDS = 180.0
# What ends normally ends from the inside out.
_PARENT_ENDED_SECONDS = 60.0
_GRACE_SECONDS = 5.0
# Prefect cancels within seconds, but does not listen any more after the API was away for long.
_CANCEL_SECONDS = 60.0


class Sweep:
    """Cleans up after runs that broke off; again, twice or by two workers it does the same.

    Args:
        client: of the API.
        pool: whose runs are looked at.
        identity: of this worker.
        active: runs that this worker executes right now.
        attempts: how often a run is run again.
    """

    def __init__(
        self,
        client: PrefectClient,
        pool: str,
        identity: WorkerIdentity,
        active: Collection[UUID],
        attempts: int,
    ) -> None:
        self._client, self._pool, self._identity = client, pool, identity
        self._active, self._attempts = active, attempts
        # By how much this machine's clock is ahead of the one that dates states and heartbeats.
        self._ahead = timedelta()

    async def once(self) -> None:
        """Look at everything once.

        Raises:
            httpx.HTTPError: the API does not answer, or refuses.
        """
        await self._end_orphans()
        self._ahead = datetime.now(UTC) - await server_now(self._client)
        gone = await self._is_gone()
        await self._end_lost_runs(gone)
        await self._end_left_subflows()
        await self._run_again(gone)

    async def stop_runs(self, run_ids: Collection[UUID], message: str) -> None:
        """End the processes of runs, and the runs, unless they have ended by themselves.

        What a run says of itself while its processes are being ended does not count. They end
        also when the API is away; what it was not told, a later sweep tells it.
        """
        ended = await self._ended_of(run_ids)
        processes = [one for one in self._processes() if _run_of(one) in run_ids]
        await asyncio.to_thread(end_processes, processes, _GRACE_SECONDS)
        for run_id in run_ids:
            try:
                await end_run(self._client, run_id, message, force=run_id not in ended)
            except ObjectNotFound:
                say(f"flow run {run_id} is not known to the API any more")

    async def run_again(self, run_ids: Collection[UUID]) -> None:
        """Run again, of these runs, those that crashed; their processes must be gone."""
        if not self._attempts:
            return
        for run in await crashed_runs(self._client, self._pool):
            if run.id in run_ids:
                await self._resume(run)

    async def _ended_of(self, run_ids: Collection[UUID]) -> set[UUID]:
        """Which of the runs have a final state, as far as the API tells in time."""
        asked = FlowRunFilter(id=FlowRunFilterId(any_=list(run_ids)))
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                found = await read_all_flow_runs(self._client, flow_run_filter=asked)
        except (httpx.HTTPError, TimeoutError):
            return set()
        return {run.id for run in found if run.state and run.state.is_final()}

    async def _end_orphans(self) -> None:
        """Processes of former runs: nobody can cancel, drain or follow them."""
        if not self._orphans():
            return
        # What ends by itself at this moment needs no help.
        await asyncio.sleep(1)
        orphans = self._orphans()
        for one in orphans:
            say(f"ends process {one.pid}, left over from flow run {_run_of(one)}")
        run_ids = {run_id for one in orphans if (run_id := _run_of(one))}
        await self.stop_runs(run_ids, "The worker that started this run died.")

    def _orphans(self) -> list[HostProcess]:
        return [
            one
            for one in self._processes()
            if _run_of(one) not in self._active
            and self._is_ours(one.environment.get(NAME_VARIABLE, ""))
        ]

    async def _end_lost_runs(self, gone: Callable[[str], bool]) -> None:
        # Also those that another run asked for: whoever waits for them would wait for good.
        found = await read_all_flow_runs(
            self._client,
            flow_run_filter=FlowRunFilter(state=in_states(UNFINISHED)),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[self._pool])),
        )
        stuck = {run.id for run in found if run.id in self._active and self._hangs(run)}
        if stuck:
            say(f"ends {len(stuck)} runs that were to be cancelled")
            await self.stop_runs(stuck, "Cancelled by the worker.")
        for run in found:
            if why := self._lost(run, gone):
                state = await end_run(self._client, run.id, why)
                say(f"{run.name} ({run.id}) is {state} now: {why}")

    def _lost(self, run: FlowRun, gone: Callable[[str], bool]) -> str | None:
        """Why nobody executes a run; None if somebody does, or may."""
        if run.id in self._active:
            return None
        name = str(run.labels.get(NAME_LABEL))
        if run.labels.get(HOME_LABEL) == self._identity.home_id:
            if not self._is_ours(name) or self._has_process(run.id):
                return None
            return f"Its process is gone: the worker {name}, or the process itself, was killed."
        is_pending = run.state is not None and run.state.is_pending()
        if is_pending and self._age(run) > _UNNAMED_SECONDS and self._is_abandoned(run, gone):
            return "The worker that took this run died before the run began."
        if is_pending and self._age(run) > _NEVER_BEGUN_SECONDS:
            return f"The worker {name} took this run long ago, and it never began."
        return None

    def _is_abandoned(self, run: FlowRun, gone: Callable[[str], bool]) -> bool:
        """Whether the worker of a run that has no process on this home is gone."""
        if NAME_LABEL not in run.labels:
            return True
        name = str(run.labels[NAME_LABEL])
        # A run without a home was taken, and not started, before its worker died.
        mine = name == self._identity.name and HOME_LABEL not in run.labels
        return mine or gone(name)

    def _is_ours(self, name: str) -> bool:
        """Whether runs of a worker of this name on this home are ours to look after."""
        return name == self._identity.name or self._identity.is_dead(name)

    async def _end_left_subflows(self) -> None:
        """Subflow runs inside runs that have ended."""
        found = await read_all_flow_runs(
            self._client,
            flow_run_filter=FlowRunFilter(
                state=in_states(UNFINISHED),
                parent_task_run_id=FlowRunFilterParentTaskRunId(is_null_=False),
            ),
        )
        # A run that was started through its own deployment may outlive the one that asked for it.
        inside = [run for run in found if run.deployment_id is None]
        parent_ids = {found_id for run in inside if (found_id := await self._parent_of(run))}
        asked = FlowRunFilter(id=FlowRunFilterId(any_=list(parent_ids)))
        if not parent_ids:
            return
        for parent in await read_all_flow_runs(self._client, flow_run_filter=asked):
            ended = parent.end_time if parent.state and parent.state.is_final() else None
            if not ended or self._seconds_since(ended) < _PARENT_ENDED_SECONDS:
                continue
            if parent.id in self._active or self._has_process(parent.id):
                continue
            count = await end_inside(
                self._client, [parent.id], f"The run around it, {parent.name}, has ended."
            )
            if count:
                say(f"ended {count} subflow runs inside {parent.name}, which has ended")

    async def _parent_of(self, run: FlowRun) -> UUID | None:
        if run.parent_task_run_id is None:
            return None
        try:
            return (await self._client.read_task_run(run.parent_task_run_id)).flow_run_id
        except ObjectNotFound:
            return None

    async def _run_again(self, gone: Callable[[str], bool]) -> None:
        if not self._attempts:
            return
        for run in await crashed_runs(self._client, self._pool):
            if self._is_over(run, gone):
                await self._resume(run)

    async def _resume(self, run: FlowRun) -> None:
        await end_inside(self._client, [run.id], "The run around it has crashed.")
        if run.deployment_id is not None:
            done = await resume(self._client, run, run.deployment_id, self._attempts)
            say(f"{run.name} ({run.id}) crashed, and {done}")

    def _is_over(self, run: FlowRun, gone: Callable[[str], bool]) -> bool:
        """Whether nothing of a crashed run can still be running somewhere."""
        if run.id in self._active:
            return False
        if run.labels.get(HOME_LABEL) == self._identity.home_id:
            ours = self._is_ours(str(run.labels.get(NAME_LABEL)))
            return ours and not self._has_process(run.id)
        return self._is_abandoned(run, gone)

    async def _is_gone(self) -> Callable[[str], bool]:
        """Tells of a worker's name whether it has not been heard of for minutes."""
        known = await self._client.read_workers_for_work_pool(self._pool, limit=200)
        heard = {
            one.name
            for one in known
            if one.last_heartbeat_time
            and self._seconds_since(one.last_heartbeat_time) < _OFFLINE_SECONDS
        }
        return lambda name: name not in heard

    def _seconds_since(self, moment: datetime) -> float:
        return (datetime.now(UTC) - self._ahead - moment).total_seconds()

    def _age(self, run: FlowRun) -> float:
        return self._seconds_since(run.state.timestamp) if run.state else 0.0

    def _hangs(self, run: FlowRun) -> bool:
        is_cancelling = run.state is not None and run.state.is_cancelling()
        return is_cancelling and self._age(run) > _CANCEL_SECONDS

    def _processes(self) -> list[HostProcess]:
        """Of every worker of this home that lives or lived on this machine."""
        found = processes_with(
            HOME_VARIABLE, self._identity.home_id, also=[RUN_VARIABLE, NAME_VARIABLE]
        )
        return [one for one in found if _run_of(one)]

    def _has_process(self, run_id: UUID) -> bool:
        return bool(processes_with(RUN_VARIABLE, str(run_id)))


def _run_of(process: HostProcess) -> UUID | None:
    text = process.environment.get(RUN_VARIABLE)
    return UUID(text) if text else None
