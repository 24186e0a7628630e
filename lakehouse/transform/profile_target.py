"""What a profiles.yml points at: the DuckDB file of a target, and values that did not resolve."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2.sandbox import SandboxedEnvironment

from lakehouse.errors import DbtCouldNotRun
from lakehouse.transform.dbt_command import DbtBuild


def duckdb_file(build: DbtBuild) -> Path | None:
    """Path of the DuckDB file that a build writes; None for other adapters and for `:memory:`.

    Raises:
        DbtCouldNotRun: the profile or its target does not exist, or a variable is not set.
    """
    if not build.foreign:
        return build.warehouse
    project = _read(build.project_dir / "dbt_project.yml")
    profiles = _read(build.profiles_dir / "profiles.yml")
    name = str(project.get("profile") or "default")
    profile = profiles.get(name)
    if not isinstance(profile, Mapping):
        raise DbtCouldNotRun(f"profiles.yml in {build.profiles_dir} has no profile {name!r}.")
    environment = {**os.environ, **build.environment()}
    target = build.target or _render(str(profile.get("target") or "default"), environment)
    output = (profile.get("outputs") or {}).get(target)
    if not isinstance(output, Mapping):
        raise DbtCouldNotRun(f"profiles.yml in {build.profiles_dir} has no target {target!r}.")
    path = _render(str(output.get("path") or ""), environment)
    if output.get("type") != "duckdb" or not path or ":" in path:
        return None
    return (build.project_dir / path).resolve()


def missing_values(before: object, after: object, where: str = "profiles.yml") -> Iterator[str]:
    """Find values that named a Prefect block or variable and came out empty.

    Prefect resolves an unknown variable to nothing, which a profile takes for an empty path.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key, value in before.items():
            yield from missing_values(value, after.get(key), f"{where}.{key}")
    elif isinstance(before, list) and isinstance(after, list):
        for number, value in enumerate(before):
            yield from missing_values(value, after[number], f"{where}[{number}]")
    elif isinstance(before, str) and "prefect." in before and after in (None, "", before):
        yield f"{where}: {before}"


def _read(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else {}


def _render(text: str, environment: Mapping[str, str]) -> str:
    def _env_var(name: str, default: str | None = None) -> str:
        value = environment.get(name, default)
        if value is None:
            raise DbtCouldNotRun(f"profiles.yml needs the variable {name}, which is not set.")
        return value

    return SandboxedEnvironment().from_string(text).render(env_var=_env_var)
