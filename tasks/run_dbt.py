"""One dbt build: as a child process, or node by node in the flow's own context."""

import gc
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect_dbt import PrefectDbtRunner, PrefectDbtSettings

from lakehouse.errors import DbtCouldNotRun
from lakehouse.progress import Progress, tell
from lakehouse.settings import load_settings
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.dbt_process import DbtLine, run_dbt
from lakehouse.transform.fingerprint import project_hash
from lakehouse.transform.parse_cache import parsed_before, trust_parse_of
from lakehouse.transform.profile_target import missing_values
from tasks.policies import is_transient

_LEVELS = {"info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


@task(
    name="dbt-build",
    task_run_name="dbt build {build.domain}",
    cache_policy=NO_CACHE,
    retries=1,
    retry_delay_seconds=5,
    retry_condition_fn=is_transient,
)
def run_dbt_build(build: DbtBuild, keep_open: Sequence[int]) -> None:
    """Run `dbt build` as a child; its lines appear in the run's log as they come.

    Results of an earlier build are removed first, so what is read afterwards is of this one.

    Args:
        build: what to build.
        keep_open: descriptors of locks that dbt has to hold as long as it lives.
    """
    logger = get_run_logger()

    def _show(line: DbtLine) -> None:
        logger.log(_LEVELS.get(line.level, logging.INFO), "%s", line.text)
        if line.done is not None:
            tell(Progress("dbt", line.text, line.done, line.total))

    settings = load_settings()
    forget_results(build)
    with (
        parsed_before(build, settings.parse_dir),
        resolved_profiles(build) as profiles,
    ):
        run_dbt(
            [*build.arguments(), "--profiles-dir", profiles],
            build.child_environment(),
            timeout=settings.dbt_timeout_seconds,
            on_line=_show,
            keep_open=keep_open,
            working_dir=build.working_dir,
        )


def run_dbt_with_node_tasks(build: DbtBuild) -> None:
    """Run `dbt build` in this process with a task run for each node; for the graph in the UI.

    Several times slower, and without a time-out. The DuckDB file is released at the end.
    """
    forget_results(build)
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


def forget_results(build: DbtBuild) -> None:
    """Remove the results of the build before, which would otherwise speak for this one."""
    build.target_path.mkdir(parents=True, exist_ok=True)
    build.warehouse.parent.mkdir(parents=True, exist_ok=True)
    (build.target_path / "run_results.json").unlink(missing_ok=True)


def _dbt_settings(build: DbtBuild) -> PrefectDbtSettings:
    return PrefectDbtSettings(
        project_dir=build.project_dir,
        profiles_dir=build.profiles_dir,
        target_path=build.target_path,
        # Prefect's own level may be one that dbt does not have, such as WARNING.
        log_level="info",
    )


@contextmanager
def resolved_profiles(build: DbtBuild) -> Iterator[str]:
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
