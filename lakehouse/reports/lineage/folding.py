"""Which nodes get a box of their own, and which share one with the rest of their layer."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import TypeAlias

import networkx as nx

from lakehouse.quality.build_results import WORST_FIRST
from lakehouse.quality.run_facts import LineageNode

Graph: TypeAlias = "nx.DiGraph[str]"
Members = tuple[str, ...]

# A published table stands beside the model that it is, so it is the first to be folded.
_KIND_RANK = {"model": 0, "snapshot": 1, "exposure": 2, "source": 3, "seed": 4, "published": 5}


def fold(
    graph: Graph, layers: list[list[str]], nodes: Mapping[str, LineageNode], most: int
) -> list[list[Members]]:
    """Put ids into at most `most` boxes, layer by layer; a box of one id is that node.

    Nodes that do not pass come first, the worst before others, then what they read and what reads
    them, then the rest: the ends of the picture before its middle.
    """
    if len(graph) <= most:
        return _fold_all_but(layers, graph)
    ranked = _by_interest(graph, layers, nodes)
    for keep in range(most, 0, -1):
        folded = _fold_all_but(layers, frozenset(ranked[:keep]))
        if sum(map(len, folded)) <= most:
            return folded
    return _fold_all_but(layers, ())


def _by_interest(
    graph: Graph, layers: list[list[str]], nodes: Mapping[str, LineageNode]
) -> list[str]:
    wrong = [key for key in graph if nodes[key].status not in ("pass", None)]
    related = set(wrong)
    for neighbours in (graph.successors, graph.predecessors):
        ahead, seen = list(wrong), set(wrong)
        while ahead:
            for other in neighbours(ahead.pop()):
                if other not in seen:
                    seen.add(other)
                    ahead.append(other)
        related |= seen

    def interest(key: str) -> int:
        status = nodes[key].status
        if status and status != "pass":
            return WORST_FIRST.index(status)
        return len(WORST_FIRST) + (key not in related)

    ranked: list[tuple[tuple[int, int, int, int], str]] = []
    for at, layer in enumerate(layers):
        ordered = sorted(layer, key=lambda key: (interest(key), _KIND_RANK[nodes[key].kind]))
        for place, key in enumerate(ordered):
            from_end = min(at, len(layers) - 1 - at)
            ranked.append(((interest(key), place, from_end, at), key))
    return [key for _, key in sorted(ranked, key=lambda item: item[0])]


def _fold_all_but(layers: list[list[str]], kept: Collection[str]) -> list[list[Members]]:
    folded: list[list[Members]] = []
    rest: Members = ()
    for layer in layers:
        alone: list[Members] = [(key,) for key in layer if key in kept]
        hidden = tuple(key for key in layer if key not in kept)
        if alone:
            folded.extend([[rest]] if rest else [])
            rest = ()
            folded.append([*alone, hidden] if hidden else alone)
        else:
            # Layers that show nothing of their own become one box: a long chain stays short.
            rest += hidden
    return [*folded, [rest]] if rest else folded


def layers_of(graph: Graph) -> list[list[str]]:
    """Ids by longest path from a start, left to right, each layer in the graph's order."""
    place = {key: at for at, key in enumerate(graph)}
    return [sorted(layer, key=place.__getitem__) for layer in nx.topological_generations(graph)]


def acyclic_graph(nodes: Collection[str], edges: Collection[tuple[str, str]]) -> Graph:
    """The graph without edges that lead nowhere or run in a circle."""
    graph: Graph = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from(
        (parent, child)
        for parent, child in edges
        if parent != child and parent in graph and child in graph
    )
    if not nx.is_directed_acyclic_graph(graph):
        circle: defaultdict[str, int] = defaultdict(int)
        for at, members in enumerate(nx.strongly_connected_components(graph)):
            circle.update(dict.fromkeys(members, at))
        graph.remove_edges_from(
            [edge for edge in graph.edges if circle[edge[0]] == circle[edge[1]]]
        )
    return graph
