"""`aljibe worker`: wait for the API, clean up, pull runs, and let them end when it is stopped."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
import httpx
from prefect.client.orchestration import get_client
from prefect.settings import get_current_settings

from cli.worker.api_wait import refusal, wait_for_api
from cli.worker.identity import WorkerIdentity, identity_of, only_worker
from cli.worker.process_worker import LastingProcessWorker
from cli.worker.say import say
from cli.worker.sweep import Sweep
from lakehouse.errors import AljibeError
from lakehouse.host_processes import reap_orphans
from lakehouse.settings import Settings

_SWEEP_EVERY_SECONDS = 15.0
_LOOK_EVERY_SECONDS = 0.2
_REPORT_SECONDS = 30.0


def run_worker(settings: Settings, pool: str, *, serves_health: bool) -> None:
    """Work until SIGTERM or Ctrl-C; a second signal does not wait for running flows.

    Args:
        settings: of this machine.
        pool: work pool to pull from.
        serves_health: whether Prefect's settings name a place for the health endpoint.

    Raises:
        LockWaitTooLong: another worker of this name works on this home.
        PrefectRefused: the API does not take these credentials.
        PrefectUnavailable: the API does not answer.
    """
    identity = identity_of(settings)
    # The one before may still be letting its runs end.
    with only_worker(identity, settings.drain_seconds + 30):
        asyncio.run(_Service(settings, pool, identity, serves_health).run())


class _Service:
    def __init__(
        self, settings: Settings, pool: str, identity: WorkerIdentity, serves_health: bool
    ) -> None:
        self._settings, self._pool, self._identity = settings, pool, identity
        self._serves_health = serves_health
        self._stop, self._hurry = asyncio.Event(), asyncio.Event()
        self._worker = LastingProcessWorker(identity, pool)
        self._url = str(get_current_settings().api.url)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        if not await self._api_answers():
            return
        async with get_client() as client:
            sweep = Sweep(
                client,
                self._pool,
                self._identity,
                self._worker.active,
                self._settings.resume_attempts,
            )
            await self._swept(sweep)
            try:
                await self._work_and_sweep(sweep)
            except ExceptionGroup as group:
                if ours := group.subgroup(AljibeError):
                    raise ours.exceptions[0] from None
                raise
        say("stopped")

    async def _work_and_sweep(self, sweep: Sweep) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self._work)
            group.start_soon(self._sweep_again, sweep)
            await self._stop.wait()
            await self._drain(sweep)
            group.cancel_scope.cancel()

    def _signalled(self) -> None:
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def _api_answers(self) -> bool:
        """Wait for the API; False if this worker was stopped before it answered."""
        waiting = asyncio.ensure_future(wait_for_api(self._url, self._settings.api_wait_seconds))
        stopping = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait([waiting, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if waiting.done():
            waiting.result()
            return True
        waiting.cancel()
        return False

    async def _work(self) -> None:
        say(f"{self._identity.name} pulls from {self._pool}")
        try:
            await self._worker.start(with_healthcheck=self._serves_health, printer=_printed)
        except httpx.HTTPStatusError as error:
            raise refusal(self._url, error.response.status_code) from None

    async def _sweep_again(self, sweep: Sweep) -> None:
        ended: set[int] = set()
        while True:
            await asyncio.sleep(_SWEEP_EVERY_SECONDS)
            if not self._stop.is_set():
                await self._swept(sweep)
            if os.getpid() == 1:
                ended = reap_orphans(ended)

    async def _swept(self, sweep: Sweep) -> None:
        try:
            await sweep.once()
        except Exception as error:  # noqa: BLE001 - running flows must not end because of it
            say(f"the sweep ended early: {type(error).__name__}: {error}; it is done again")

    async def _drain(self, sweep: Sweep) -> None:
        self._worker.is_draining = True
        if self._worker.active:
            say(
                f"stopping: {len(self._worker.active)} runs have "
                f"{self._settings.drain_seconds:.0f} s to end"
            )
        await self._until(lambda: not self._worker.is_busy, self._settings.drain_seconds)
        left = set(self._worker.active)
        if not left:
            return
        say(f"stopping: {len(left)} runs are ended now and run again")
        message = (
            f"The worker {self._identity.name} was stopped, and this run did not end within "
            f"{self._settings.drain_seconds:.0f} s. It is run again by itself."
        )
        try:
            async with asyncio.timeout(_REPORT_SECONDS):
                await sweep.stop_runs(left, message)
                await sweep.run_again(left)
        except (httpx.HTTPError, TimeoutError) as error:
            say(f"the runs could not be reported: {_words(error)}; the next worker will")

    async def _until(self, reached: Callable[[], bool], longest_seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_seconds):
                while not reached() and not self._hurry.is_set():
                    await asyncio.sleep(_LOOK_EVERY_SECONDS)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _printed(*values: Any, **_options: Any) -> None:
    print(*values, file=sys.stderr, flush=True)
