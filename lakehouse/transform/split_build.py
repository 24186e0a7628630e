"""One dbt build as several: what each part builds, and one result out of all of theirs."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from lakehouse.errors import DbtCouldNotRun
from lakehouse.lake.run_parts import PlannedPart, RunPart
from lakehouse.quality.build_results import Status
from lakehouse.quality.dbt_manifest import Manifest, read_dbt_artifact, read_manifest
from lakehouse.quality.dbt_results import parse_results
from lakehouse.quality.masking import safe_message
from lakehouse.settings import Settings
from lakehouse.transform.build_graph import anchors, build_graph, left_unbuilt, selector_of
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.dbt_process import DbtLine, run_dbt
from lakehouse.transform.graph_parts import split_graph

if TYPE_CHECKING:
    from lakehouse.transform.build_graph import BuildGraph

_RESULTS = "run_results.json"
_SCHEMA = "https://schemas.getdbt.com/dbt/run-results/v6.json"
_KEPT = (
    *("unique_id", "status", "failures", "message", "execution_time", "adapter_response"),
    *("relation_name", "timing", "compiled_code"),
)


def list_nodes(
    build: DbtBuild,
    profiles_dir: str,
    *,
    timeout: float,
    on_line: Callable[[DbtLine], None],
    keep_open: Sequence[int] = (),
) -> list[str]:
    """Ask dbt which nodes a build selects; leaves the manifest in the build's target folder.

    Raises:
        DbtCouldNotRun: the project cannot be parsed.
    """
    listed: list[str] = []

    def _read(line: DbtLine) -> None:
        if line.level != "listed":
            on_line(line)
        elif line.text.startswith("{"):
            listed.append(str(json.loads(line.text)["unique_id"]))

    run_dbt(
        [
            *build.command("ls"),
            *build.selecting(),
            *("--output", "json", "--output-keys", "unique_id"),
            *("--profiles-dir", profiles_dir),
        ],
        build.child_environment(),
        timeout=timeout,
        on_line=_read,
        keep_open=keep_open,
        working_dir=build.working_dir,
    )
    return listed


def plan_parts(
    build: DbtBuild,
    manifest: Manifest,
    graph: "BuildGraph",
    most_parts: int,
    *,
    seconds: Mapping[str, float],
    start_seconds: float,
) -> list[PlannedPart]:
    """Cut a build's graph; tests stay with what they test.

    Args:
        build: its options count for every part.
        manifest: of the project.
        graph: of the selected nodes.
        most_parts: built side by side.
        seconds: of each node in an earlier build.
        start_seconds: what starting a part costs.
    """
    bound = [{test, model} for test, model in anchors(graph, manifest).items()]
    by_selector: dict[str, set[str]] = {}
    for node in graph:
        by_selector.setdefault(selector_of(manifest, node), set()).add(node)
    bound += [nodes for nodes in by_selector.values() if len(nodes) > 1]
    cut = split_graph(
        graph, most_parts, seconds=seconds, together=bound, start_seconds=start_seconds
    )
    options = {
        "target": build.target,
        "full_refresh": build.full_refresh,
        "variables": dict(build.variables),
        "threads": build.threads,
    }
    return [
        PlannedPart(
            part.wave,
            part.nodes,
            {**options, "selectors": [selector_of(manifest, node) for node in part.nodes]},
        )
        for part in cut
    ]


def graph_of(build: DbtBuild, listed: Sequence[str]) -> tuple[Manifest, "BuildGraph"]:
    """The manifest that `list_nodes` left, and the graph of what dbt builds of its list."""
    manifest = read_manifest(build.target_path)
    kinds = ("model", "seed", "snapshot", "test", "unit_test")
    nodes = [one for one in listed if manifest.node(one).get("resource_type") in kinds]
    return manifest, build_graph(manifest, nodes)


def build_of_part(settings: Settings, part: RunPart) -> DbtBuild:
    """The build of what a part has to do, in a target folder that no other part writes."""
    options, left_out = part.options, set(part.left_out)
    named = zip(part.work, options["selectors"], strict=True)
    whole = DbtBuild.of(
        settings,
        part.domain,
        target=options["target"],
        full_refresh=options["full_refresh"],
        variables=options["variables"],
        threads=options["threads"],
    )
    return replace(
        whole,
        target_path=whole.target_path / "parts" / str(part.number),
        nodes=tuple(dict.fromkeys(selector for node, selector in named if node not in left_out)),
    )


def outcome_of(build: DbtBuild) -> dict[str, Any]:
    """What a part leaves for the run that it belongs to: dbt's results, without masked values.

    Raises:
        DbtCouldNotRun: dbt left no results.
    """
    content = read_dbt_artifact(build.target_path / _RESULTS, "run-results")
    manifest = read_manifest(build.target_path)
    return {
        "metadata": {
            key: content["metadata"].get(key) for key in ("dbt_schema_version", "dbt_version")
        },
        "results": [_kept(entry, manifest) for entry in content["results"]],
    }


def statuses_of(parts: Sequence[RunPart], manifest: Manifest) -> dict[str, Status]:
    """The status of every node that the parts ran."""
    return {node.unique_id: node.status for node in parse_results(_joined(parts), manifest).nodes}


def unbuilt_of(
    part: RunPart, parts: Sequence[RunPart], manifest: Manifest, graph: "BuildGraph"
) -> list[str]:
    """What of a part has to be left out because of what failed in earlier waves."""
    earlier = [one for one in parts if one.wave < part.wave]
    known = {node for one in earlier for node in one.work}
    statuses = statuses_of(earlier, manifest)
    # Ephemeral models have no result: those that were not skipped are as good as built.
    unbuilt = left_unbuilt(graph.subgraph(known), statuses)
    told: dict[str, Status] = {**statuses, **dict.fromkeys(unbuilt, "skipped")}
    told |= {node: "pass" for node in known if node not in told}
    return sorted(set(part.work) & left_unbuilt(graph, told))


def write_merged_results(
    build: DbtBuild, build_id: str, parts: Sequence[RunPart], manifest: Manifest
) -> None:
    """Write the results of all parts as if one build had run, beside the build's manifest.

    Raises:
        DbtCouldNotRun: a part does not tell of a node that it had to run.
    """
    joined = _joined(parts)
    told = {str(entry["unique_id"]) for entry in joined["results"]}
    for part in parts:
        missing = [one for one in part.to_do if one not in told and _has_result(manifest, one)]
        if missing:
            raise DbtCouldNotRun(
                f"part {part.number} of the build of {part.domain} says nothing of "
                f"{missing[0]} and {len(missing) - 1} more nodes that it had to run. Its project "
                "is not the one of this run: give every worker the same version."
            )
    began = min((one.started_at for one in parts if one.started_at), default=datetime.now(UTC))
    now = datetime.now(UTC)
    content = {
        **joined,
        "metadata": {
            **joined["metadata"],
            "generated_at": now.isoformat(),
            "invocation_id": str(UUID(hex=build_id)),
            "env": {},
        },
        "elapsed_time": (now - began).total_seconds(),
        "args": {"which": "build"},
    }
    half = build.target_path / f"{_RESULTS}.part"
    half.write_text(json.dumps(content), encoding="utf-8")
    half.replace(build.target_path / _RESULTS)


def _joined(parts: Sequence[RunPart]) -> dict[str, Any]:
    results: list[dict[str, Any]] = []
    metadata: Mapping[str, Any] = {"dbt_schema_version": _SCHEMA, "dbt_version": ""}
    for part in parts:
        outcome = part.outcome or {}
        metadata = outcome.get("metadata") or metadata
        results += outcome.get("results") or ()
        results += [_skipped(unique_id) for unique_id in part.left_out]
    now = datetime.now(UTC).isoformat()
    return {"metadata": {**metadata, "generated_at": now}, "results": results}


def _kept(entry: Mapping[str, Any], manifest: Manifest) -> dict[str, Any]:
    kept = {key: entry.get(key) for key in _KEPT}
    unique_id, compiled = str(entry["unique_id"]), entry.get("compiled_code")
    went_well = entry.get("status") in ("success", "pass", "skipped", "no-op")
    kept["message"] = safe_message(entry.get("message"), manifest, unique_id, compiled)
    if went_well and not unique_id.startswith("test."):
        kept["compiled_code"] = None
    return kept


def _skipped(unique_id: str) -> dict[str, Any]:
    return {**dict.fromkeys(_KEPT), "unique_id": unique_id, "status": "skipped"}


def _has_result(manifest: Manifest, unique_id: str) -> bool:
    config = manifest.node(unique_id).get("config") or {}
    return config.get("materialized") != "ephemeral"
