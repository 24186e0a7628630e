"""Commands that become a Prefect command, with Aljibe's places filled in."""

import os
import sys
from pathlib import Path

from cli.prefect_environment import api_is_configured, embedded_variables, use_embedded_prefect
from lakehouse.errors import SettingsInvalid
from lakehouse.settings import load_settings


def serve_ui(port: int) -> None:
    """Serve API and UI on the database that embedded runs write; does not return."""
    settings = load_settings()
    os.environ.pop("PREFECT_API_URL", None)
    os.environ.update(embedded_variables(settings))
    use_embedded_prefect(settings)
    # On any other port the UI would ask port 4200 for its data.
    os.environ["PREFECT_SERVER_UI_API_URL"] = "/api"
    print(f"The runs are at http://127.0.0.1:{port}/runs", file=sys.stderr)
    print(f"The reports are at http://127.0.0.1:{port}/artifacts", file=sys.stderr)
    _become("server", "start", "--host", "127.0.0.1", "--port", str(port))


def start_worker(pool: str) -> None:
    """Pull runs from `pool`; does not return.

    Raises:
        SettingsInvalid: no Prefect API is configured, so there is no pool to pull from.
    """
    if not api_is_configured():
        raise SettingsInvalid(
            "A worker needs a Prefect API. Set PREFECT_API_URL, for example to "
            "http://127.0.0.1:4200/api while `make ui` runs, and run deploy/bootstrap once."
        )
    os.environ.setdefault("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", "30")
    # Prefect's own 10 s are most of the time from a file's arrival to the start of its run.
    os.environ.setdefault("PREFECT_WORKER_QUERY_SECONDS", "2")
    _become("worker", "start", "--pool", pool, "--type", "process")


def _become(*arguments: str) -> None:
    prefect = Path(sys.executable).parent / "prefect"
    sys.stderr.flush()
    os.execv(prefect, [str(prefect), *arguments])
