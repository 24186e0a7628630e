"""Wait for the API and make the work pool: `python -m blocks.work_pool`; run again at will."""

import sys
from logging import INFO, StreamHandler, getLogger

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.utilities.asyncutils import run_coro_as_sync
from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type
from tenacity import (
    Retrying,
    before_sleep_log,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from blocks.automations import WORK_POOL
from lakehouse.errors import AljibeError, BlockInvalid, PrefectRefused, PrefectUnavailable
from lakehouse.settings import Settings, load_settings

_TYPE = "process"
_log = getLogger("bootstrap")


def save_work_pool(settings: Settings) -> str:
    """Make the pool that workers pull from, or set the limit of the one that is there.

    The limit of a pool that is there changes only if ALJIBE_POOL_LIMIT is set: otherwise it may
    be an operator's.

    Returns:
        A line about it.

    Raises:
        BlockInvalid: a pool of this name is of another type.
        PrefectRefused: the API does not take these credentials.
        PrefectUnavailable: the API did not answer in time.
    """
    with (
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
        get_client(sync_client=True) as client,
    ):
        pool = _found(client, settings)
        if pool is None:
            client.create_work_pool(_wanted(settings))
            return f"made {WORK_POOL}, at most {settings.pool_limit} runs at once"
        if pool.type != _TYPE:
            raise BlockInvalid(
                f"There is a work pool {WORK_POOL} of type {pool.type}, but runs need one of type "
                f"{_TYPE}. Rename or delete it."
            )
        asked = "pool_limit" in settings.model_fields_set
        if asked and pool.concurrency_limit != settings.pool_limit:
            update = WorkPoolUpdate(concurrency_limit=settings.pool_limit)
            client.update_work_pool(WORK_POOL, update)
            return f"{WORK_POOL}: from now on at most {settings.pool_limit} runs at once"
        limit = pool.concurrency_limit
        return f"{WORK_POOL} is there, {f'at most {limit}' if limit else 'any number of'} runs"


def _found(client: SyncPrefectClient, settings: Settings) -> WorkPool | None:
    waiting = Retrying(
        retry=retry_if_exception_type(PrefectUnavailable),
        wait=wait_random_exponential(multiplier=0.5, max=10),
        stop=stop_after_delay(settings.api_wait_seconds),
        before_sleep=before_sleep_log(_log, INFO),
        reraise=True,
    )
    return waiting(_read, client)


def _read(client: SyncPrefectClient) -> WorkPool | None:
    try:
        return client.read_work_pool(WORK_POOL)
    except ObjectNotFound:
        return None
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        if error.response.is_client_error:
            raise PrefectRefused(
                f"The Prefect API at {client.api_url} refuses with {code}. Set "
                "PREFECT_API_AUTH_STRING to what the server has as "
                "PREFECT_SERVER_API_AUTH_STRING, or PREFECT_API_KEY for Prefect Cloud."
            ) from None
        raise PrefectUnavailable(f"The Prefect API at {client.api_url} answers {code}.") from None
    except httpx.TransportError as error:
        cause = str(error) or type(error).__name__
        raise PrefectUnavailable(
            f"The Prefect API at {client.api_url} does not answer: {cause}. Check PREFECT_API_URL "
            "and the server, or raise ALJIBE_API_WAIT_SECONDS."
        ) from None


def _wanted(settings: Settings) -> WorkPoolCreate:
    template = run_coro_as_sync(get_default_base_job_template_for_infrastructure_type(_TYPE))
    return WorkPoolCreate(
        name=WORK_POOL,
        type=_TYPE,
        description="Runs of Aljibe, each in a process of its worker.",
        base_job_template=template or {},
        concurrency_limit=settings.pool_limit,
    )


if __name__ == "__main__":
    _log.addHandler(StreamHandler())
    _log.setLevel(INFO)
    try:
        print(save_work_pool(load_settings()))  # noqa: T201
    except AljibeError as error:
        sys.exit(f"work pool: {error}")
