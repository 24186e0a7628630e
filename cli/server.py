"""`aljibe server`: the Prefect server of a deployment, on PostgreSQL, with a password."""

import ipaddress
import os
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL

from cli.prefect_commands import become_prefect_server
from cli.server_database import PREFECT_VARIABLE, server_database_url, wait_for_database
from lakehouse.errors import SettingsInvalid
from lakehouse.settings import Settings

AUTH_VARIABLE = "PREFECT_SERVER_API_AUTH_STRING"
_UMASK = 0o027


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve API and UI; does not return. The database is brought up to date first.

    Args:
        settings: of this machine.
        host: address to listen on.
        port: to listen on.

    Raises:
        SettingsInvalid: no database is named, or no password is set and others could connect.
        DatabaseRefused: the database does not let this user in.
        DatabaseUnavailable: it does not answer.
    """
    database = settle(settings, host, os.environ)
    os.umask(_UMASK)
    # Prefect keeps a note there of what it need not register again, and does not make the folder.
    Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
    wait_for_database(database, settings.api_wait_seconds, _say)
    _say(f"starting on {host}, port {port}")
    become_prefect_server("start", "--host", host, "--port", str(port))


def settle(settings: Settings, host: str, environment: MutableMapping[str, str]) -> URL:
    """Set the variables of a server in production; what is set already wins.

    Returns:
        URL of its database.

    Raises:
        SettingsInvalid: no database is named, or no password is set and others could connect.
    """
    _check_password(host, environment)
    url = server_database_url(environment)
    environment[PREFECT_VARIABLE] = url.render_as_string(hide_password=False)
    # A server that found its own address, or another's, would ask it for its data.
    environment.pop("PREFECT_API_URL", None)
    defaults = {
        "PREFECT_HOME": str(settings.root / "prefect-server"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # Relative: the UI asks whatever address it was opened under.
        "PREFECT_SERVER_UI_API_URL": "/api",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        # In memory a restart would forget who holds a deployment's limit, and cancel who has it.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
            "prefect.server.concurrency.lease_storage.filesystem"
        ),
        **({"PREFECT_UI_URL": settings.ui_url} if settings.ui_url else {}),
    }
    for name, value in defaults.items():
        environment.setdefault(name, value)
    return url


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to a server on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_password(host: str, environment: MutableMapping[str, str]) -> None:
    user, _, password = environment.get(AUTH_VARIABLE, "").partition(":")
    if user and password:
        return
    if environment.get(AUTH_VARIABLE):
        raise SettingsInvalid(f"{AUTH_VARIABLE} must be user:password.")
    if not is_loopback(host):
        raise SettingsInvalid(
            f"Others can connect to a server on {host}, so it needs a password: set "
            f"{AUTH_VARIABLE}=user:password, and PREFECT_API_AUTH_STRING to the same for workers, "
            "watchers and deploy/bootstrap."
        )


def _say(text: str) -> None:
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(f"{moment} server: {text}", file=sys.stderr, flush=True)
