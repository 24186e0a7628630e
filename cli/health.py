"""`aljibe health`: whether this machine's worker or server is well, for a container."""

import ipaddress

import httpx

from cli.start_worker import health_port
from lakehouse.errors import SettingsInvalid
from lakehouse.settings import Settings

_TIMEOUT_SECONDS = 5


def is_healthy(settings: Settings) -> tuple[bool, str]:
    """Ask the worker's health endpoint, or the server's where a server listens on the port.

    Returns:
        Whether it is well, and what it said.

    Raises:
        SettingsInvalid: no port is named.
    """
    port = health_port(settings)
    if port is None:
        raise SettingsInvalid(
            "Set ALJIBE_HEALTH_PORT, or PORT, for the worker and for this command alike."
        )
    base = f"http://{_reachable(settings.health_host)}:{port}"
    said = ""
    # A worker has the first, Prefect's server the second.
    for path in ("/health", "/api/health"):
        try:
            answer = httpx.get(f"{base}{path}", timeout=_TIMEOUT_SECONDS)
        except httpx.HTTPError as error:
            return False, f"{base}{path} does not answer: {error or type(error).__name__}"
        is_json = "json" in answer.headers.get("content-type", "")
        said = f"{base}{path} answers {answer.status_code}"
        # The server answers its UI under any path that is no API.
        if is_json and answer.status_code != httpx.codes.NOT_FOUND:
            return answer.status_code == httpx.codes.OK, said
    return False, said


def _reachable(host: str) -> str:
    """The address to ask where `host` stands for every address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return host if address.version == 4 else f"[{host}]"
