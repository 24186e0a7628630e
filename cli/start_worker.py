"""Settle what Prefect reads as it is imported, then be a worker."""

import os
import sys

from cli.prefect_environment import api_is_configured
from lakehouse.errors import SettingsInvalid
from lakehouse.settings import Settings

# Others may read the name of a file, never what is in it.
_UMASK = 0o027


def start_worker(settings: Settings, pool: str) -> None:
    """Pull runs from `pool` until told to stop.

    Raises:
        SettingsInvalid: no Prefect API is configured, so there is no pool to pull from.
        LockWaitTooLong: another worker of this name works on this home.
        PrefectRefused: the API does not take these credentials.
        PrefectUnavailable: the API does not answer.
    """
    if not api_is_configured():
        raise SettingsInvalid(
            "A worker needs a Prefect API. Set PREFECT_API_URL, for example to "
            "http://127.0.0.1:4200/api while `make ui` runs, and run deploy/bootstrap once."
        )
    os.umask(_UMASK)
    if os.geteuid() == 0:
        print(
            "aljibe worker: runs as root. Flows, and what they load, can change the whole machine; "
            "start it as a user of its own.",
            file=sys.stderr,
        )
    serves_health = _settle(settings)
    from cli.worker.run_worker import run_worker

    run_worker(settings, pool, serves_health=serves_health)


def _settle(settings: Settings) -> bool:
    """Set what a worker and the processes of its runs need; True if a health port is asked for."""
    defaults = {
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        # Prefect's own 10 s are most of the time from a file's arrival to the start of its run.
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        # What the server answers while its database is away.
        "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    port = health_port(settings)
    if port:
        os.environ["PREFECT_WORKER_WEBSERVER_HOST"] = settings.health_host
        os.environ["PREFECT_WORKER_WEBSERVER_PORT"] = str(port)
    return port is not None


def health_port(settings: Settings) -> int | None:
    """Port of the health endpoint: the setting, else `$PORT` as platforms give it, else none.

    Raises:
        SettingsInvalid: `$PORT` is no port.
    """
    if settings.health_port:
        return settings.health_port
    text = os.environ.get("PORT", "").strip()
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise SettingsInvalid(f"PORT is {text!r}, which is no port.")
    return int(text)
