"""Bring older deliveries before the snapshots of a build, one after another."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from lakehouse.errors import DbtCouldNotRun, LakeDamaged
from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.raw_lake import RawLake
from lakehouse.progress import Progress, tell
from lakehouse.quality.dbt_results import read_results
from lakehouse.settings import load_settings
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.dbt_process import DbtLine, run_dbt
from lakehouse.transform.parse_cache import parsed_before
from lakehouse.transform.passing_faults import build_until_settled
from lakehouse.transform.snapshot_replay import (
    ReplayStep,
    delivered_snapshots,
    forget_snapshots,
    pending_rounds,
)
from tasks.policies import is_transient
from tasks.run_dbt import built_again, forget_results, resolved_profiles

# What goes well is a matter of the build that follows.
_LEVELS = {"warn": logging.WARNING, "error": logging.ERROR}


@task(
    name="replay-deliveries",
    task_run_name="replay {build.domain}",
    cache_policy=NO_CACHE,
    retries=1,
    retry_delay_seconds=5,
    retry_condition_fn=is_transient,
)
def replay_deliveries(build: DbtBuild, keep_open: Sequence[int], rebuild: bool) -> int:
    """Show the snapshots of a domain every delivery that they have not seen, but the newest.

    Tests of the staging model hold here too: a delivery that fails one is passed over, as its own
    build would have done.

    Args:
        build: the build that follows, which brings the newest deliveries.
        keep_open: descriptors of locks that dbt has to hold as long as it lives.
        rebuild: drop the snapshots first, so that all deliveries are replayed.

    Returns:
        How many deliveries were replayed.

    Raises:
        LakeDamaged: the file of a delivery is no longer in the lake.
        DbtCouldNotRun: dbt ended without results.
    """
    snapshots = [] if build.foreign else delivered_snapshots(build.project_dir, build.domain)
    if not snapshots:
        return 0
    with open_warehouse(build.warehouse) as connection:
        if rebuild:
            forget_snapshots(connection, snapshots)
        rounds = pending_rounds(connection, snapshots)
    _assert_in_lake([step for steps in rounds for step in steps])
    for done, steps in enumerate(rounds):
        names = ", ".join(step.snapshot.name for step in steps)
        tell(Progress("replay", names, done, len(rounds)))
        _replay(steps, build, keep_open)
    return sum(map(len, rounds))


def _assert_in_lake(steps: Sequence[ReplayStep]) -> None:
    lake = RawLake.of(load_settings())
    for step in steps:
        if not lake.holds(step.batch_id):
            snapshot = step.snapshot
            raise LakeDamaged(
                f"{snapshot.delivered_by}: {step.batch_id}.parquet, which {snapshot.name} has not "
                "seen, is not in the lake. Restore the file."
            )


def _replay(steps: Sequence[ReplayStep], build: DbtBuild, keep_open: Sequence[int]) -> None:
    # A folder of its own: the results of the build that follows are the domain's.
    older = replace(
        build,
        target_path=build.target_path / "replay",
        as_of={step.snapshot.delivered_by: step.delivery_id for step in steps},
    )
    settings = load_settings()
    forget_results(older)
    selected = [name for step in steps for name in (step.snapshot.staging, step.snapshot.name)]
    command = [*older.command("build"), "--select", *selected, "--indirect-selection", "cautious"]
    with parsed_before(older, settings.parse_dir), resolved_profiles(older) as profiles:
        build_until_settled(
            older,
            lambda: run_dbt(
                [*command, "--profiles-dir", profiles],
                older.child_environment(),
                timeout=settings.dbt_timeout_seconds,
                on_line=_log,
                keep_open=keep_open,
                working_dir=older.working_dir,
            ),
            built_again,
        )
    statuses = {node.name: node.status for node in read_results(older.target_path).nodes}
    for step in steps:
        _tell(step, statuses.get(step.snapshot.name))


def _log(line: DbtLine) -> None:
    get_run_logger().log(_LEVELS.get(line.level, logging.DEBUG), "%s", line.text)


def _tell(step: ReplayStep, status: str | None) -> None:
    logger, name = get_run_logger(), step.snapshot.name
    if status == "pass":
        logger.info("%s has seen delivery %d.", name, step.delivery_id)
    elif status == "skipped":
        logger.warning(
            "%s passed over delivery %d, which fails a test of %s.",
            name,
            step.delivery_id,
            step.snapshot.staging,
        )
    else:
        raise DbtCouldNotRun(
            f"{name} could not take delivery {step.delivery_id}: its status is "
            f"{status or 'missing'}. dbt's own lines stand above in the log of the run."
        )
