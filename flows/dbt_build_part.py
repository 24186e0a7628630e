"""dbt_build_part(...): a part of a build that was split; started by that build, never by hand."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.run_states import explained, succeeded
from lakehouse.errors import AljibeError
from tasks.build_in_parts import build_part


@flow(name="dbt-build-part", flow_run_name="build-{domain}-part-{part}")
def dbt_build_part(domain: str, build_id: str, part: int, writer: str) -> State[Any]:
    """Build a part of a domain's graph for the run that split it and holds the domain's lock.

    That run reports what failed, and ends accordingly; this one only names it.

    Args:
        domain: folder name below `dbt/models/`.
        build_id: of the build that was split.
        part: number of the part, from 1.
        writer: who holds the domain's lock, as that run tells its parts.

    Returns:
        Completed; CompletedWithWarnings where nodes failed or warn; or Failed: dbt could not run,
        or the run that the part belongs to is over.
    """
    try:
        results = build_part(domain, build_id, part, writer)
    except AljibeError as error:
        return explained(error)
    if results is None:
        return succeeded("this part was built already")
    to_see = [*results.blocking, *results.skipped, *results.warnings]
    findings = [f"{node.label}: {node.status}" for node in to_see]
    return succeeded(f"{len(results.nodes)} nodes: {results.headline()}", findings)
