"""What a profiles.yml points at: the warehouse of a target, and values that did not resolve."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import TemplateError
from jinja2.sandbox import SandboxedEnvironment

from lakehouse.errors import DbtCouldNotRun
from lakehouse.lake.warehouse import Warehouse
from lakehouse.transform.dbt_command import DbtBuild

_NO_FILE = re.compile(r":memory:|[A-Za-z][A-Za-z0-9+.-]*:")


def written_by(build: DbtBuild) -> Warehouse | None:
    """The warehouse that a build writes: a domain's own, or the DuckDB file of another project.

    None for other adapters, for `:memory:` and addresses such as `md:` and `s3://`, and where
    Prefect fills the path in.

    Raises:
        DbtCouldNotRun: the profile or its target does not exist, is not readable, or needs a
            variable that is not set.
    """
    if not build.foreign:
        return build.warehouse
    project = _read(build.project_dir / "dbt_project.yml")
    profiles = _read(build.profiles_dir / "profiles.yml")
    environment = {**os.environ, **build.environment()}
    name = _render(str(project.get("profile") or "default"), environment)
    profile = profiles.get(name)
    if not isinstance(profile, Mapping):
        raise DbtCouldNotRun(f"profiles.yml in {build.profiles_dir} has no profile {name!r}.")
    default = environment.get("DBT_TARGET") or str(profile.get("target") or "default")
    target = build.target or _render(default, environment)
    outputs = profile.get("outputs")
    output = outputs.get(target) if isinstance(outputs, Mapping) else None
    if not isinstance(output, Mapping):
        raise DbtCouldNotRun(f"profiles.yml in {build.profiles_dir} has no target {target!r}.")
    written = str(output.get("path") or "")
    if output.get("type") != "duckdb" or "prefect." in written:
        return None
    path = _render(written, environment)
    if not path or _NO_FILE.match(path):
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
        for number, (value, resolved) in enumerate(zip(before, after, strict=False)):
            yield from missing_values(value, resolved, f"{where}[{number}]")
    elif isinstance(before, str) and "prefect." in before and after in (None, "", before):
        yield f"{where}: {before}"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DbtCouldNotRun(f"{path} cannot be read: {' '.join(str(error).split())}.") from None
    return content if isinstance(content, dict) else {}


def _render(text: str, environment: Mapping[str, str]) -> str:
    def _env_var(name: str, default: str | None = None) -> str:
        value = environment.get(name, default)
        if value is None:
            raise DbtCouldNotRun(f"profiles.yml needs the variable {name}, which is not set.")
        return value

    try:
        return SandboxedEnvironment().from_string(text).render(env_var=_env_var)
    except TemplateError as error:
        raise DbtCouldNotRun(f"profiles.yml: {text!r} cannot be resolved: {error}.") from None
