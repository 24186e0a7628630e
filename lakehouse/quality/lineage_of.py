"""Which boxes and arrows the lineage picture of a build has, from dbt's manifest and results."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, cast, get_args

from lakehouse.quality.build_results import BuildResults, Status, worst
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.quality.run_facts import Lineage, LineageKind, LineageNode

_KINDS: tuple[LineageKind, ...] = get_args(LineageKind)


def lineage_of(manifest: Manifest, results: BuildResults, *, published: Collection[str]) -> Lineage:
    """Nodes that a build selected, what they read, and who gets what they make.

    What is neither (functions, metrics, semantic models) is stepped over: an exposure of a metric
    reads the model below it.

    Args:
        manifest: the build's manifest.
        results: what the build selected, source freshness included where it was judged.
        published: unique ids of what readers get; each becomes a node `published:<schema>.<name>`.
    """
    selected = {node.unique_id for node in results.nodes if _kind(manifest, node.unique_id)}
    selected |= {unique_id for unique_id in published if _kind(manifest, unique_id)}
    shown = selected | _read_by(manifest, selected)
    exposures = {
        unique_id
        for unique_id in manifest.content.get("exposures") or {}
        if selected.intersection(_shown_parents(manifest, unique_id))
    }
    statuses = _statuses(manifest, results)
    nodes = [_node(manifest, unique_id, statuses) for unique_id in shown | exposures]
    edges = [
        (parent, child)
        for child in shown | exposures
        for parent in _shown_parents(manifest, child)
        if parent in shown and parent != child
    ]
    for unique_id in published:
        if unique_id in shown:
            table = _published_table(manifest, unique_id)
            nodes.append(table)
            edges.append((unique_id, table.id))
    return Lineage(
        nodes=tuple(sorted(nodes, key=lambda node: (_KINDS.index(node.kind), node.name, node.id))),
        edges=tuple(sorted(set(edges))),
    )


def _kind(manifest: Manifest, unique_id: str) -> LineageKind | None:
    kind = manifest.node(unique_id).get("resource_type") or unique_id.partition(".")[0]
    return cast(LineageKind, kind) if unique_id in manifest and kind in _KINDS else None


def _read_by(manifest: Manifest, selected: Collection[str]) -> set[str]:
    found: set[str] = set()
    ahead = list(selected)
    while ahead:
        for parent in _shown_parents(manifest, ahead.pop()):
            if parent not in found and parent not in selected:
                found.add(parent)
                # An ephemeral model is no table: what it reads is read by its reader.
                config = manifest.node(parent).get("config") or {}
                if config.get("materialized") == "ephemeral":
                    ahead.append(parent)
    return found


def _shown_parents(manifest: Manifest, unique_id: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    seen = {unique_id}
    ahead = list(manifest.parents(unique_id))
    while ahead:
        parent = ahead.pop(0)
        if parent in seen:
            continue
        seen.add(parent)
        if _kind(manifest, parent):
            found[parent] = None
        else:
            ahead.extend(manifest.parents(parent))
    return tuple(found)


def _statuses(manifest: Manifest, results: BuildResults) -> dict[str, Status]:
    found: defaultdict[str, list[Status]] = defaultdict(list)
    for result in results.nodes:
        about = tested_nodes(manifest, result.unique_id) if result.is_test else (result.unique_id,)
        for unique_id in about:
            if _kind(manifest, unique_id) == "exposure" and result.status == "pass":
                continue  # dbt runs nothing for an exposure, it only reports it
            found[unique_id].append(result.status)
    return {unique_id: status for unique_id, all_ in found.items() if (status := worst(all_))}


def tested_nodes(manifest: Manifest, test_id: str) -> tuple[str, ...]:
    """Ids of what a test is about: one node, or for a singular test perhaps several."""
    if tested := manifest.tested_node(test_id):
        return (tested,)
    # A singular test over several nodes is about those that nothing else it reads builds on.
    parents = manifest.parents(test_id)
    above = frozenset[str]().union(*(manifest.ancestors(parent) for parent in parents))
    return tuple(parent for parent in parents if parent not in above)


def _node(manifest: Manifest, unique_id: str, statuses: Mapping[str, Status]) -> LineageNode:
    node = manifest.node(unique_id)
    kind = _kind(manifest, unique_id) or "model"
    name = str(node.get("name") or unique_id)
    if kind == "source":
        name = f"{node.get('source_name')}.{name}"
    elif kind == "exposure":
        name = str(node.get("label") or name)
    return LineageNode(unique_id, name, kind, statuses.get(unique_id), _group(node))


def _published_table(manifest: Manifest, unique_id: str) -> LineageNode:
    node = manifest.node(unique_id)
    table = _first_text(node.get(key) for key in ("identifier", "alias", "name")) or unique_id
    name = f"{node.get('schema')}.{table}"
    return LineageNode(f"published:{name}", name, "published", group=_group(node))


def _group(node: Mapping[str, Any]) -> str | None:
    return _first_text([node.get("group"), (node.get("config") or {}).get("group")])


def _first_text(values: Iterable[object]) -> str | None:
    return next((str(value) for value in values if value), None)
