"""Nodes of a dbt build that failed of what may be over at another try: a lake that others write.

DuckLake lets several processes commit at once and refuses the later of two that changed the same
table or made the same schema. dbt takes that, and a catalog that went away, for a failed node.
"""

from collections.abc import Callable

from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
)
from tenacity.wait import wait_random_exponential

from lakehouse.errors import DbtCouldNotRun, WarehouseUnusable
from lakehouse.lake.warehouse import may_pass
from lakehouse.quality.dbt_manifest import read_dbt_artifact
from lakehouse.transform.dbt_command import DbtBuild

_TRIES = 4
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 1, 30


def failed_in_passing(build: DbtBuild) -> list[str]:
    """Ids of nodes of the last build that another try may build; none for a DuckDB file.

    Raises:
        DbtCouldNotRun: dbt left no results.
    """
    results = read_dbt_artifact(build.target_path / "run_results.json", "run-results")
    return [
        str(result.get("unique_id"))
        for result in results.get("results") or []
        if result.get("status") in ("error", "runtime error")
        and may_pass(build.warehouse, str(result.get("message") or ""))
    ]


def build_until_settled(
    build: DbtBuild, run: Callable[[], object], tell: Callable[[list[str], float], None]
) -> None:
    """Run dbt, again after a pause while nodes failed of conflicts; then the last results stand.

    Everything is built again: what was built comes out the same, as any build that is repeated.

    Args:
        build: what `run` builds.
        run: one dbt build, which leaves its results in the target folder.
        tell: gets the nodes that failed (none where dbt could not start), and the seconds until
            the next try.

    Raises:
        WarehouseUnusable: dbt could not reach the lake, time after time.
    """
    tries = Retrying(
        retry=retry_if_result(bool) | retry_if_exception_type(WarehouseUnusable),
        reraise=True,
        stop=stop_after_attempt(_TRIES),
        wait=wait_random_exponential(_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS),
        before_sleep=lambda state: tell(
            state.outcome.result() if state.outcome and not state.outcome.failed else [],
            state.next_action.sleep if state.next_action else 0,
        ),
    )

    def once() -> list[str]:
        try:
            run()
        except DbtCouldNotRun as error:
            if not may_pass(build.warehouse, str(error)):
                raise
            raise WarehouseUnusable(
                f"dbt could not reach {build.warehouse}. Run again when it answers."
            ) from None
        return failed_in_passing(build)

    try:
        tries(once)
    except RetryError:
        # The nodes stay failed: the build says so as of any other failure.
        return
