"""The order in which dbt builds selected nodes, as a graph; what a failure leaves unbuilt.

In a build a model waits for its parents, for every test whose parents all lie upstream of it, and
for its own unit tests; a test waits for its parents only. networkx is imported where it is used:
most runs split nothing.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from lakehouse.quality.build_results import Status
from lakehouse.quality.dbt_manifest import Manifest

if TYPE_CHECKING:
    import networkx as nx

    BuildGraph = nx.DiGraph[str]

_UNSAFE = re.compile(r"[^\w.-]")


def build_graph(manifest: Manifest, selected: Collection[str]) -> "BuildGraph":
    """Connect the selected nodes as dbt orders them; what is not selected passes its order on.

    Args:
        manifest: of the project.
        selected: ids of models, seeds, snapshots, data tests and unit tests.

    Returns:
        An acyclic graph; an edge leads to what has to wait.
    """
    import networkx as nx  # noqa: PLC0415

    graph: BuildGraph = nx.DiGraph()
    chosen = set(selected)
    graph.add_nodes_from(sorted(chosen))
    for node in sorted(chosen):
        kind = manifest.node(node).get("resource_type")
        if kind == "unit_test":
            _add_unit_test(graph, manifest, node)
        else:
            graph.add_edges_from((parent, node) for parent in _nearest(manifest, node, chosen))
    _add_test_edges(graph, manifest)
    return graph


def left_unbuilt(graph: "BuildGraph", statuses: Mapping[str, Status]) -> set[str]:
    """Nodes without a status that a build skips because of those that have one.

    Args:
        graph: of `build_graph`.
        statuses: of the nodes that were run.
    """
    import networkx as nx  # noqa: PLC0415

    unbuilt: set[str] = set()
    for node in nx.lexicographical_topological_sort(graph):
        if node not in statuses and any(
            parent in unbuilt or statuses.get(parent) in ("fail", "error", "skipped")
            for parent in graph.predecessors(node)
        ):
            unbuilt.add(node)
    return unbuilt


def anchors(graph: "BuildGraph", manifest: Manifest) -> dict[str, str]:
    """For each test that belongs with one of the nodes it reads, that node.

    It is the one below all others that the test reads: where it is built, all of them are there.
    """
    found = {}
    for test in graph:
        if manifest.node(test).get("resource_type") == "unit_test":
            found[test] = next(iter(graph.successors(test)), test)
            continue
        if manifest.node(test).get("resource_type") != "test":
            continue
        read = set(manifest.parents(test))
        for parent in sorted(read & graph.nodes):
            if read - {parent} <= manifest.ancestors(parent):
                found[test] = parent
    return found


def selector_of(manifest: Manifest, unique_id: str) -> str:
    """A selector of dbt that names one node: qualified name, kind and file.

    Two tests that a project gives the same name in the same file share theirs. Characters that
    mean something to dbt stand as `?`, its wildcard.
    """
    node = manifest.node(unique_id)
    name = ".".join(str(part) for part in node["fqn"])
    methods = [f"fqn:{_UNSAFE.sub('?', name)}", f"resource_type:{node['resource_type']}"]
    package = str(node.get("package_name"))
    own = (manifest.content.get("metadata") or {}).get("project_name")
    if package == own:
        path = re.sub(r"[^\w./-]", "?", str(node["original_file_path"]))
        methods.append(f"path:{path}")
    else:
        methods.append(f"package:{package}")
    return ",".join(methods)


def _nearest(manifest: Manifest, node: str, chosen: Collection[str]) -> Iterator[str]:
    """The nodes above that are chosen, through those that are not."""
    seen: set[str] = set()
    ahead = list(manifest.parents(node))
    while ahead:
        parent = ahead.pop()
        if parent in seen:
            continue
        seen.add(parent)
        if parent in chosen:
            yield parent
        else:
            ahead.extend(manifest.parents(parent))


def _add_unit_test(graph: "BuildGraph", manifest: Manifest, test: str) -> None:
    """Its model waits for it, and it for what its model waits for, or for the model's parents."""
    chosen = graph.nodes
    for model in manifest.parents(test):
        graph.add_edges_from((parent, test) for parent in _nearest(manifest, model, chosen))
        if model in chosen:
            graph.add_edge(test, model)


def _add_test_edges(graph: "BuildGraph", manifest: Manifest) -> None:
    tests = [one for one in graph if manifest.node(one).get("resource_type") == "test"]
    readers: dict[str, list[tuple[str, frozenset[str]]]] = {}
    for test in tests:
        read = frozenset(manifest.parents(test))
        if read:
            readers.setdefault(min(read), []).append((test, read))
    for node in list(graph):
        kind = manifest.node(node).get("resource_type")
        if kind == "test":
            continue
        at = next(iter(manifest.parents(node)), node) if kind == "unit_test" else node
        upstream = manifest.ancestors(at)
        for one in upstream & readers.keys():
            graph.add_edges_from((test, node) for test, read in readers[one] if read <= upstream)
