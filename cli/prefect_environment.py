"""Where Prefect keeps its things when no Prefect API is configured: inside ALJIBE_HOME.

Prefect reads its settings while it is imported, so this comes before the first import of it.
"""

import os
import tomllib
from collections.abc import MutableMapping
from pathlib import Path

from lakehouse.settings import Settings

# SQLite takes one writer: a commit for each task run makes requests of a run fail and wait two
# seconds before they are sent again.
SERVER_ON_SQLITE = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}


def use_embedded_prefect(
    settings: Settings, environment: MutableMapping[str, str] = os.environ
) -> bool:
    """Point Prefect's database and results at ALJIBE_HOME, unless an API is configured.

    The user's PREFECT_HOME is not touched. A value that is set already wins.

    Returns:
        Whether Prefect runs embedded.
    """
    environment.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    if api_is_configured(environment):
        return False
    for name, value in embedded_variables(settings).items():
        environment.setdefault(name, value)
    settings.prefect_home.mkdir(parents=True, exist_ok=True)
    return True


def embedded_variables(settings: Settings) -> dict[str, str]:
    """Variables of a Prefect that lives in ALJIBE_HOME."""
    home = settings.prefect_home
    return {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        "PREFECT_LOCAL_STORAGE_PATH": str(home / "storage"),
        # The default of 20 s is short for a small or busy machine.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        **SERVER_ON_SQLITE,
    }


def api_is_configured(environment: MutableMapping[str, str] = os.environ) -> bool:
    """Whether the environment or Prefect's active profile names a Prefect API."""
    if environment.get("PREFECT_API_URL"):
        return True
    home = Path(environment.get("PREFECT_HOME", "~/.prefect")).expanduser()
    profiles = Path(environment.get("PREFECT_PROFILES_PATH", home / "profiles.toml"))
    try:
        content = tomllib.loads(profiles.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    active = environment.get("PREFECT_PROFILE") or content.get("active")
    profile = (content.get("profiles") or {}).get(active) or {}
    return bool(profile.get("PREFECT_API_URL"))
