"""Which target of the project's profile a domain is built on."""

from pathlib import Path
from typing import Any

import yaml

from lakehouse.errors import DbtCouldNotRun

EMBEDDED, SPARK = "embedded", "spark"


def own_target(project_dir: Path, domain: str, asked: str | None, setting: str) -> str | None:
    """The target of a build of this project.

    Args:
        project_dir: with dbt_project.yml, whose variable `spark_domains` lists the domains whose
            SQL is portable.
        domain: what is built.
        asked: target that a run asks for; None takes the setting.
        setting: ALJIBE_TARGET. A domain that is not portable stays embedded under `spark`.

    Returns:
        Name of the target; None is the profile's own.

    Raises:
        DbtCouldNotRun: a run asks for Spark, where the domain cannot be built.
    """
    wanted = asked or (None if setting == EMBEDDED else setting)
    if wanted != SPARK or domain in _portable(project_dir):
        return wanted
    if asked:
        raise DbtCouldNotRun(
            f"{domain} cannot be built on Spark: its SQL is DuckDB's own. Domains that can are "
            f"listed in {project_dir / 'dbt_project.yml'}, variable spark_domains: "
            f"{', '.join(_portable(project_dir)) or 'none'}."
        )
    return None


def _portable(project_dir: Path) -> list[str]:
    project: dict[str, Any] = yaml.safe_load((project_dir / "dbt_project.yml").read_text("utf-8"))
    return list((project.get("vars") or {}).get("spark_domains") or [])
