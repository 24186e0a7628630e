"""Commands that become a Prefect command, with Aljibe's places filled in."""

import os
import sys

from cli.prefect_environment import embedded_variables, use_embedded_prefect
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
    become_prefect_server("start", "--host", "127.0.0.1", "--port", str(port))


def become_prefect_server(*arguments: str) -> None:
    """Go on as `prefect server` with these arguments; does not return."""
    sys.stderr.flush()
    # -P: nothing in the folder that it is started in passes for a module.
    command = [sys.executable, "-P", "-m", "cli.prefect_server", *arguments]
    os.execv(sys.executable, command)
