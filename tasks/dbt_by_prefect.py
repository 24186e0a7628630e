"""What needs prefect-dbt: profiles with Prefect's values, and a task run for each dbt node."""

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from prefect_dbt import PrefectDbtRunner, PrefectDbtSettings

from lakehouse.errors import DbtCouldNotRun
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.fingerprint import project_hash
from lakehouse.transform.parse_cache import trust_parse_of
from lakehouse.transform.profile_target import missing_values


def run_nodes(build: DbtBuild) -> None:
    """Run `dbt build` in this process with a task run for each node.

    Raises:
        DbtCouldNotRun: project, profile or SQL do not compile.
    """
    trust_parse_of(project_hash(build), build.target_path)
    runner = PrefectDbtRunner(settings=_dbt_settings(build), raise_on_failure=False)
    try:
        with _environment(build.environment()):
            runner.invoke(build.arguments())
    except ValueError as error:
        raise DbtCouldNotRun(f"dbt could not run: {error}") from None
    finally:
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
        gc.collect()


@contextmanager
def filled_profiles(build: DbtBuild) -> Iterator[str]:
    """Folder with the profile in which Prefect blocks and variables are filled in."""
    settings = _dbt_settings(build)
    with settings.resolve_profiles_yml() as folder:
        resolved = yaml.safe_load((Path(folder) / "profiles.yml").read_text(encoding="utf-8"))
        if missing := list(missing_values(settings.load_profiles_yml(), resolved)):
            raise DbtCouldNotRun(
                "These values of the profile name a Prefect block or variable that does not "
                f"exist: {'; '.join(missing)}."
            )
        yield folder


def _dbt_settings(build: DbtBuild) -> PrefectDbtSettings:
    return PrefectDbtSettings(
        project_dir=build.project_dir,
        profiles_dir=build.profiles_dir,
        target_path=build.target_path,
        # Prefect's own level may be one that dbt does not have, such as WARNING.
        log_level="info",
    )


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
