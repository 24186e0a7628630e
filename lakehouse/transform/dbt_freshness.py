"""`dbt source freshness` for projects whose deliveries are not in the ledger."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lakehouse.quality.dbt_manifest import Manifest, read_dbt_artifact, read_manifest
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.dbt_process import DbtLine, run_dbt

_PARSED = "partial_parse.msgpack"


def run_source_freshness(
    build: DbtBuild,
    profiles_dir: str,
    *,
    timeout: float,
    on_line: Callable[[DbtLine], None],
    keep_open: Sequence[int] = (),
) -> dict[str, Any] | None:
    """Let dbt find out how old the newest row of each source is.

    Args:
        build: a build that has ended; nothing in its target folder is overwritten.
        profiles_dir: folder of the profile in which everything is filled in.
        timeout: seconds after which dbt is killed.
        on_line: gets dbt's lines worth showing.
        keep_open: descriptors of locks that dbt has to hold.

    Returns:
        Content of dbt's `sources.json`, with a `runtime error` for each source that dbt could not
        judge, which it leaves out. None if no source says how its age is to be judged: dbt is not
        started.

    Raises:
        DbtCouldNotRun: dbt left no results.
        DbtTimedOut: killed by the time-out.
        DbtKilled: killed by somebody else.
    """
    sources = judged_sources(read_manifest(build.target_path))
    if not sources:
        return None
    with TemporaryDirectory(prefix="freshness-", dir=build.target_path) as folder:
        target = Path(folder)
        if (build.target_path / _PARSED).is_file():
            shutil.copyfile(build.target_path / _PARSED, target / _PARSED)
        # dbt ends with 1 both for an old source and for one that it could not judge.
        run_dbt(
            [
                *build.command("source", "freshness", target_path=target),
                *("--profiles-dir", profiles_dir, "--select", *sources.values()),
            ],
            build.child_environment(),
            timeout=timeout,
            on_line=on_line,
            keep_open=keep_open,
            working_dir=build.working_dir,
        )
        content = read_dbt_artifact(target / "sources.json", "sources")
    results = list(content.get("results") or ())
    told = {result.get("unique_id") for result in results}
    failed = [
        {"unique_id": unique_id, "status": "runtime error", "error": None}
        for unique_id in sources
        if unique_id not in told
    ]
    return {**content, "results": [*results, *failed]}


def judged_sources(manifest: Manifest) -> dict[str, str]:
    """Sources with a limit of age and a time of loading to judge it by: dbt's selector by id."""
    return {
        unique_id: f"source:{node['package_name']}.{node['source_name']}.{node['name']}"
        for unique_id, node in sorted((manifest.content.get("sources") or {}).items())
        if _has_limit(node) and (node.get("loaded_at_field") or node.get("loaded_at_query"))
    }


def _has_limit(source: Mapping[str, Any]) -> bool:
    freshness = source.get("freshness") or {}
    return any((freshness.get(name) or {}).get("count") for name in ("warn_after", "error_after"))
