"""What a sweep ends, what it runs again, and what it leaves alone; against a real Prefect API."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import flow, task
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Failed, Pending, Running

from cli.worker import sweep
from cli.worker.identity import HOME_LABEL, NAME_LABEL, WorkerIdentity, only_worker
from cli.worker.resume import ATTEMPT_LABEL, NEVER_TAG, RESUMED_TAG, crashed_runs
from cli.worker.run_ends import end_run
from lakehouse.errors import LockWaitTooLong

pytestmark = pytest.mark.usefixtures("prefect_database")
HOME = "0123456789abcdef"
# The API tells its time in whole seconds, so that what just happened may lie ahead of it.
AT_ONCE = -60.0


@flow(name="shop")
def shop(day: str = "today", arrived: int = 0) -> None:
    """A flow that no test runs."""


class Pool:
    """A work pool with one deployment, and a worker `here` of the home `HOME`."""

    def __init__(self, client: PrefectClient, locks: Path) -> None:
        self.client, self.name = client, f"pool-{uuid.uuid4().hex[:8]}"
        self.identity = WorkerIdentity("here", HOME, locks)
        self.active: set[UUID] = set()
        self.deployment: UUID

    async def make(self) -> None:
        await self.client.create_work_pool(WorkPoolCreate(name=self.name, type="process"))
        flow_id = await self.client.create_flow(shop)
        self.deployment = await self.client.create_deployment(
            flow_id, self.name, work_pool_name=self.name, parameters={"day": "today"}
        )

    async def run(
        self, state: Any, *, worker: str = "here", home: str = HOME, **options: Any
    ) -> FlowRun:
        """A run that a worker took, in a state."""
        labels = {HOME_LABEL: home, NAME_LABEL: worker, **options.pop("labels", {})}
        made = await self.client.create_flow_run_from_deployment(self.deployment, **options)
        await self.client.update_flow_run_labels(
            made.id, {key: value for key, value in labels.items() if value}
        )
        # Without one, the API itself cancels what is being cancelled.
        await self.client.update_flow_run(made.id, infrastructure_pid="1")
        await self.client.set_flow_run_state(made.id, state, force=True)
        return await self.client.read_flow_run(made.id)

    async def sweep(self, attempts: int = 2) -> None:
        await sweep.Sweep(self.client, self.name, self.identity, self.active, attempts).once()

    async def state_of(self, run: FlowRun) -> str:
        found = (await self.client.read_flow_run(run.id)).state
        assert found
        return f"{found.name}: {found.message}" if found.message else found.name

    async def resumed(self) -> list[FlowRun]:
        tags = FlowRunFilter(tags=FlowRunFilterTags(all_=[RESUMED_TAG]))
        found = await self.client.read_flow_runs(flow_run_filter=tags)
        return [run for run in found if run.deployment_id == self.deployment]


@pytest.fixture
def with_pool(tmp_path: Path) -> Callable[[Callable[[Pool], Coroutine[Any, Any, None]]], None]:
    """Runs a test with a pool of its own."""

    def run(test: Callable[[Pool], Coroutine[Any, Any, None]]) -> None:
        async def all_of_it() -> None:
            async with get_client() as client:
                pool = Pool(client, tmp_path)
                await pool.make()
                await test(pool)

        asyncio.run(all_of_it())

    return run


def test_a_run_without_a_process_is_crashed_and_run_again_once(with_pool):
    async def test(pool: Pool) -> None:
        lost = await pool.run(Running(), parameters={"day": "2026-11-30"}, tags=["eu"])
        for _ in range(2):
            await pool.sweep()
        assert (await pool.state_of(lost)).startswith("Crashed: Its process is gone")
        (again,) = await pool.resumed()
        assert again.parameters == {"day": "2026-11-30"}
        assert set(again.tags) == {"eu", RESUMED_TAG}
        assert again.labels[ATTEMPT_LABEL] == 1

    with_pool(test)


def test_two_sweeps_at_once_run_it_again_once(with_pool):
    async def test(pool: Pool) -> None:
        await pool.run(Running())
        await asyncio.gather(*(pool.sweep() for _ in range(4)))
        assert len(await pool.resumed()) == 1

    with_pool(test)


def test_what_somebody_executes_is_left_alone(with_pool, tmp_path):
    async def test(pool: Pool) -> None:
        mine = await pool.run(Running())
        pool.active.add(mine.id)
        elsewhere = await pool.run(Running(), home="another home")
        neighbours = await pool.run(Running(), worker="neighbour")
        young = await pool.run(Pending(), home="", worker="")
        with only_worker(WorkerIdentity("neighbour", HOME, tmp_path), 0):
            await pool.sweep()
        for run in (mine, elsewhere, neighbours):
            assert await pool.state_of(run) == "Running"
        assert await pool.state_of(young) == "Pending"
        await pool.sweep()
        assert (await pool.state_of(neighbours)).startswith("Crashed: Its process is gone")

    with_pool(test)


def test_a_run_that_was_being_cancelled_is_cancelled_and_stays_so(with_pool):
    async def test(pool: Pool) -> None:
        run = await pool.run(Cancelling())
        await pool.sweep()
        assert (await pool.state_of(run)).startswith("Cancelled: ")
        assert await pool.resumed() == []

    with_pool(test)


def test_a_run_that_hangs_in_cancelling_is_ended(with_pool, monkeypatch):
    async def test(pool: Pool) -> None:
        run = await pool.run(Cancelling())
        pool.active.add(run.id)
        await pool.sweep()
        assert await pool.state_of(run) == "Cancelling"
        monkeypatch.setattr(sweep, "_CANCEL_SECONDS", AT_ONCE)
        await pool.sweep()
        assert await pool.state_of(run) == "Cancelled: Cancelled by the worker."

    with_pool(test)


def test_a_run_that_was_taken_and_never_begun_is_run_again(with_pool, monkeypatch):
    async def test(pool: Pool) -> None:
        unnamed = await pool.run(Pending(), home="", worker="")
        unbegun = await pool.run(Pending(), home="", worker="here")
        abandoned = await pool.run(Pending(), home="another", worker="gone for days")
        await pool.client.send_worker_heartbeat(pool.name, "plain prefect worker")
        plain = await pool.run(Pending(), home="", worker="plain prefect worker")
        working = await pool.run(Running(), home="", worker="plain prefect worker")
        monkeypatch.setattr(sweep, "_UNNAMED_SECONDS", AT_ONCE)
        await pool.sweep()
        for run in (unnamed, unbegun, abandoned):
            assert (await pool.state_of(run)).startswith("Crashed: The worker that took this run")
        assert await pool.state_of(plain) == "Pending"
        assert await pool.state_of(working) == "Running"
        assert len(await pool.resumed()) == 3

    with_pool(test)


class AnHourAhead(datetime):
    """The clock of a machine that nobody sets."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime.now(tz) + timedelta(hours=1)


def test_a_clock_that_is_wrong_ends_no_run_of_a_living_worker(with_pool, monkeypatch):
    async def test(pool: Pool) -> None:
        await pool.client.send_worker_heartbeat(pool.name, "neighbour")
        taken = await pool.run(Pending(), home="another", worker="neighbour")
        young = await pool.run(Pending(), home="", worker="")
        monkeypatch.setattr(sweep, "datetime", AnHourAhead)
        await pool.sweep()
        for run in (taken, young):
            assert await pool.state_of(run) == "Pending"

    with_pool(test)


def test_a_run_that_never_begins_frees_its_place(with_pool, monkeypatch):
    async def test(pool: Pool) -> None:
        # A home was lost, and the new one's worker has the same name.
        await pool.client.send_worker_heartbeat(pool.name, "here")
        run = await pool.run(Pending(), home="lost", worker="here")
        monkeypatch.setattr(sweep, "_UNNAMED_SECONDS", AT_ONCE)
        await pool.sweep()
        assert await pool.state_of(run) == "Pending"
        monkeypatch.setattr(sweep, "_NEVER_BEGUN_SECONDS", AT_ONCE)
        await pool.sweep()
        assert (await pool.state_of(run)).startswith("Crashed: The worker here took this run")

    with_pool(test)


def test_a_lost_run_that_another_one_waits_for_ends_and_is_left_to_that_one(with_pool):
    async def test(pool: Pool) -> None:
        outer = await pool.run(Running())
        pool.active.add(outer.id)
        marker = await pool.client.create_task_run(step, outer.id, "0", state=Running())
        asked_for = await pool.run(Running(), parent_task_run_id=marker.id)
        await pool.sweep()
        assert (await pool.state_of(asked_for)).startswith("Crashed: Its process is gone")
        assert await pool.state_of(outer) == "Running"
        assert await pool.resumed() == []

    with_pool(test)


def test_only_what_broke_off_is_run_again(with_pool):
    async def test(pool: Pool) -> None:
        await pool.run(Failed(message="1 of 29 tests fails"))
        await pool.run(Cancelled(message="by somebody"))
        await pool.run(Completed())
        slot = "Deployment concurrency slot lost during provisioning - no slots available"
        lost = await pool.run(Cancelled(message=slot))
        assert [run.id for run in await crashed_runs(pool.client, pool.name)] == [lost.id]
        await pool.sweep()
        assert len(await pool.resumed()) == 1

    with_pool(test)


@pytest.mark.parametrize("attempts", [0, 1, 2])
def test_a_run_that_crashes_each_time_is_run_again_so_often(with_pool, attempts):
    async def test(pool: Pool) -> None:
        crash = await pool.run(Crashed(message="out of memory"))
        for _ in range(attempts + 2):
            await pool.sweep(attempts)
            for run in await pool.resumed():
                if run.state and not run.state.is_final():
                    await pool.client.set_flow_run_state(run.id, Crashed(), force=True)
        found = await pool.resumed()
        assert sorted(run.labels[ATTEMPT_LABEL] for run in found) == list(range(1, attempts + 1))
        assert {run.labels["aljibe.resume.origin"] for run in found} <= {str(crash.id)}

    with_pool(test)


def test_what_a_later_run_did_is_not_done_again(with_pool):
    async def test(pool: Pool) -> None:
        await pool.run(Crashed(), parameters={"day": "today", "arrived": 3})
        other = await pool.run(Crashed(), parameters={"day": "tomorrow"})
        good = await pool.run(Running())
        await pool.client.set_flow_run_state(good.id, Completed(), force=True)
        await pool.sweep()
        (again,) = await pool.resumed()
        assert again.parameters["day"] == other.parameters["day"]

    with_pool(test)


def test_a_run_with_the_tag_is_never_run_again(with_pool):
    async def test(pool: Pool) -> None:
        await pool.run(Crashed(), tags=[NEVER_TAG])
        await pool.sweep()
        assert await pool.resumed() == []

    with_pool(test)


@task
def step() -> None:
    """A task that no test runs."""


@flow(name="shop-inside")
def inside() -> None:
    """A subflow that no test runs."""


def test_a_run_ends_with_its_subflows_and_task_runs_but_not_with_what_it_deployed(with_pool):
    async def test(pool: Pool) -> None:
        client = pool.client
        outer = await pool.run(Running())
        marker = await client.create_task_run(step, outer.id, "0", state=Running())
        middle = await client.create_flow_run(inside, parent_task_run_id=marker.id, state=Running())
        deep_marker = await client.create_task_run(step, middle.id, "0", state=Running())
        deep = await client.create_flow_run(
            inside, parent_task_run_id=deep_marker.id, state=Running()
        )
        done = await client.create_task_run(step, middle.id, "1", state=Completed())
        deployed = await pool.run(Running(), home="another", parent_task_run_id=marker.id)
        assert await end_run(client, outer.id, "it is gone") == "Crashed"
        for run in (middle, deep):
            assert await pool.state_of(run) == "Crashed: it is gone"
        tasks = [await client.read_task_run(one.id) for one in (marker, deep_marker, done)]
        assert [one.state_name for one in tasks] == ["Crashed", "Crashed", "Completed"]
        assert await pool.state_of(deployed) == "Running"

    with_pool(test)


def test_what_has_ended_keeps_its_state(with_pool):
    async def test(pool: Pool) -> None:
        good, bad = await pool.run(Completed(message="fine")), await pool.run(Failed(message="no"))
        for force in (False, True):
            await end_run(pool.client, good.id, "it is gone", force=force)
        await end_run(pool.client, bad.id, "it is gone")
        assert await pool.state_of(good) == "Completed: fine"
        assert await pool.state_of(bad) == "Failed: no"

    with_pool(test)


def test_a_second_worker_of_the_name_waits_and_gives_up(tmp_path):
    identity = WorkerIdentity("here", HOME, tmp_path)
    with only_worker(identity, 0):
        second = only_worker(WorkerIdentity("here", HOME, tmp_path), 0.1)
        with pytest.raises(LockWaitTooLong, match="Another worker named here works"), second:
            raise AssertionError("two workers of one name")
        with only_worker(WorkerIdentity("there", HOME, tmp_path), 0):
            assert not identity.is_dead("there")
    assert identity.is_dead("there")
