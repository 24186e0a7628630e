"""One dbt build: as a child process, or node by node in the flow's own context.

What needs prefect-dbt is imported where it is used: with it come all modules of dbt, a third of
the time in which a run starts, and a run with nothing new needs none of them.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from lakehouse.progress import Progress, tell
from lakehouse.settings import load_settings
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.dbt_process import DbtLine, run_dbt
from lakehouse.transform.parse_cache import parsed_before
from lakehouse.transform.passing_faults import build_until_settled
from tasks.policies import is_transient

_PREFECT = "prefect."
"""Every reference to a Prefect block or variable begins so."""
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
        build_until_settled(
            build,
            lambda: run_dbt(
                [*build.arguments(), "--profiles-dir", profiles],
                build.child_environment(),
                timeout=settings.dbt_timeout_seconds,
                on_line=_show,
                keep_open=keep_open,
                working_dir=build.working_dir,
            ),
            built_again,
        )


def built_again(nodes: Sequence[str], seconds: float) -> None:
    """Say that a conflict makes a build run once more."""
    get_run_logger().warning(
        "%s. The build is repeated in %.0f s.",
        f"Another process wrote to the lake first: {', '.join(nodes)} did not get through"
        if nodes
        else "The lake cannot be reached",
        seconds,
    )


def run_dbt_with_node_tasks(build: DbtBuild) -> None:
    """Run `dbt build` in this process with a task run for each node; for the graph in the UI.

    Several times slower, and without a time-out. The DuckDB file is released at the end.
    """
    from tasks.dbt_by_prefect import run_nodes  # noqa: PLC0415

    forget_results(build)
    run_nodes(build)


def forget_results(build: DbtBuild) -> None:
    """Remove the results of the build before, which would otherwise speak for this one."""
    build.target_path.mkdir(parents=True, exist_ok=True)
    build.working_dir.mkdir(parents=True, exist_ok=True)
    (build.target_path / "run_results.json").unlink(missing_ok=True)


@contextmanager
def resolved_profiles(build: DbtBuild) -> Iterator[str]:
    """Folder with the profile in which Prefect blocks and variables are filled in."""
    profile = build.profiles_dir / "profiles.yml"
    if _PREFECT not in profile.read_text(encoding="utf-8"):
        yield str(build.profiles_dir)
        return
    from tasks.dbt_by_prefect import filled_profiles  # noqa: PLC0415

    with filled_profiles(build) as folder:
        yield folder
