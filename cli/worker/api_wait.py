"""Wait until the Prefect API answers, and say what is waited for."""

import asyncio
import time

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from cli.worker.say import say
from lakehouse.errors import PrefectRefused, PrefectUnavailable

_LOOK_EVERY_SECONDS, _SAY_EVERY_SECONDS = 1.0, 30.0
_REFUSALS = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)


async def wait_for_api(url: str, longest_seconds: float) -> None:
    """Return when the API takes a request with this environment's credentials.

    Args:
        url: of the API, for the messages.
        longest_seconds: after which it gives up.

    Raises:
        PrefectRefused: it answers, but not to these credentials.
        PrefectUnavailable: it did not answer in time.
    """
    began, said_at = time.monotonic(), 0.0
    while fault := await _fault(url):
        waited = time.monotonic() - began
        if waited >= longest_seconds:
            raise PrefectUnavailable(
                f"The Prefect API at {url} {fault} for {waited:.0f} s. Check PREFECT_API_URL and "
                "the server, or raise ALJIBE_API_WAIT_SECONDS."
            )
        if not said_at or waited - said_at >= _SAY_EVERY_SECONDS:
            said_at = max(waited, _LOOK_EVERY_SECONDS)
            say(f"waiting for the Prefect API at {url}, which {fault}")
        await asyncio.sleep(_LOOK_EVERY_SECONDS)


async def _fault(url: str) -> str | None:
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        try:
            async with get_client() as client:
                return await _ask(client, url)
        except httpx.TransportError as error:
            return f"does not answer ({str(error) or type(error).__name__})"


async def _ask(client: PrefectClient, url: str) -> str | None:
    try:
        await client.read_work_pools(limit=1)
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        if code in _REFUSALS:
            raise refusal(url, code) from None
        return f"answers {code}"
    return None


def refusal(url: str, code: int) -> PrefectRefused:
    """The error of an API that does not take this environment's credentials."""
    return PrefectRefused(
        f"The Prefect API at {url} refuses these credentials ({code}). Set PREFECT_API_AUTH_STRING "
        "to what the server has as PREFECT_SERVER_API_AUTH_STRING, or PREFECT_API_KEY for Prefect "
        "Cloud."
    )
