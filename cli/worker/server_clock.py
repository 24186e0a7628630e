"""The API's clock, by which it dates states and heartbeats."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from prefect.client.orchestration import PrefectClient


async def server_now(client: PrefectClient) -> datetime:
    """The moment at the API, in whole seconds; this machine's where its answer bears no date.

    Raises:
        httpx.TransportError: it does not answer.
    """
    try:
        answer = await client.hello()
    except httpx.HTTPStatusError as error:
        # Every answer of a web server is dated (RFC 9110, 6.6.1), also a refusal.
        answer = error.response
    try:
        return parsedate_to_datetime(answer.headers["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return datetime.now(UTC)
