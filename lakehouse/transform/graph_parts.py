"""A build's graph cut into parts that workers build side by side, in waves.

What several branches share comes first; then branches that share nothing more; at last what reads
several of them without anything waiting for it. Which nodes make the first wave is tried out: the
most shared ones are moved there one by one as long as the whole gets shorter.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx as nx

    from lakehouse.transform.build_graph import BuildGraph

    UnitGraph = nx.DiGraph[int]

_UNKNOWN_SECONDS = 1.0


@dataclass(frozen=True)
class GraphPart:
    """Nodes that one process builds.

    Attributes:
        wave: 0 is built first; a part needs nothing but parts of earlier waves.
        nodes: ids, sorted.
        seconds: expected time of all of its nodes, one after another.
    """

    wave: int
    nodes: tuple[str, ...]
    seconds: float


def split_graph(
    graph: "BuildGraph",
    most_parts: int,
    *,
    seconds: Mapping[str, float] | None = None,
    together: Iterable[Collection[str]] = (),
    start_seconds: float = 0.0,
) -> tuple[GraphPart, ...]:
    """Cut a graph into at most `most_parts` parts in each of at most three waves.

    The same arguments give the same parts. Every node is in one part; every edge is inside a part
    or comes from an earlier wave.

    Args:
        graph: from what comes first to what waits for it; acyclic.
        most_parts: parts that can be built side by side.
        seconds: of each node, where it was measured; the others count as the median of these.
        together: groups of nodes that must not be parted, such as tests and what they test.
        start_seconds: what each wave costs besides; a cut that saves less is not made.

    Returns:
        The parts, by wave and then by expected time, the longest first.
    """
    if most_parts < 1:
        raise ValueError(f"most_parts must be at least 1, not {most_parts}")
    units = _Units.of(graph, seconds or {}, together)
    trunk, branches, last = _waves(units, most_parts, start_seconds)
    found: list[GraphPart] = []
    for packed in (trunk, branches, last):
        if packed:
            wave = found[-1].wave + 1 if found else 0
            found += [units.part(wave, bin_) for bin_ in packed]
    return tuple(found)


@dataclass(frozen=True)
class _Units:
    """What is never parted: nodes with their tests, and what a cycle of such bonds encloses."""

    graph: "UnitGraph"
    members: Mapping[int, tuple[str, ...]]
    weights: Mapping[int, float]
    reach: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        graph: "BuildGraph",
        seconds: Mapping[str, float],
        together: Iterable[Collection[str]],
    ) -> "_Units":
        import networkx as nx  # noqa: PLC0415

        bound = graph.copy()
        for group in together:
            there = sorted(set(group) & graph.nodes)
            for one, other in zip(there, [*there[1:], *there[:1]], strict=True):
                if one != other:
                    bound.add_edge(one, other)
        found = sorted(tuple(sorted(group)) for group in nx.strongly_connected_components(bound))
        condensed = nx.condensation(bound, [set(group) for group in found])
        known = [value for value in seconds.values() if value > 0]
        usual = median(known) if known else _UNKNOWN_SECONDS
        return cls(
            condensed,
            dict(enumerate(found)),
            {
                at: sum(seconds.get(node) or usual for node in group)
                for at, group in enumerate(found)
            },
            {unit: len(nx.descendants(condensed, unit)) for unit in condensed},
        )

    def weight(self, units: Iterable[int]) -> float:
        return sum(self.weights[unit] for unit in sorted(units))

    def part(self, wave: int, units: Collection[int]) -> GraphPart:
        nodes = sorted(node for unit in units for node in self.members[unit])
        return GraphPart(wave, tuple(nodes), round(self.weight(units), 3))


Bins = list[set[int]]


def _waves(units: _Units, most_parts: int, start_seconds: float) -> tuple[Bins, Bins, Bins]:
    joints = {
        unit
        for unit in units.graph
        if units.graph.out_degree(unit) == 0
        and units.graph.in_degree(unit) > 1
        # A model is where branches meet; a test only looks at them.
        and all(_is_test(node) for node in units.members[unit])
    }
    trunk, branches = _best_cut(units, set(units.graph) - joints, most_parts, start_seconds)
    last: set[int] = set()
    at = {unit: (1, bin_) for bin_, held in enumerate(branches) for unit in held}
    at |= {unit: (0, bin_) for bin_, held in enumerate(trunk) for unit in held}
    for unit in sorted(joints):
        read = {at[parent] for parent in units.graph.predecessors(unit)}
        newest = max(wave for wave, _ in read)
        homes = [place for place in read if place[0] == newest]
        if len(homes) == 1:
            wave, bin_ = homes[0]
            (trunk, branches)[wave][bin_].add(unit)
        else:
            last.add(unit)
    return trunk, branches, _packed(units, [{unit} for unit in sorted(last)], most_parts)


def _best_cut(
    units: _Units, free: set[int], most_parts: int, start_seconds: float
) -> tuple[Bins, Bins]:
    """Bins of the trunk and of the branches; no trunk where it makes nothing shorter."""
    import networkx as nx  # noqa: PLC0415
    from networkx.utils import UnionFind  # noqa: PLC0415

    left = nx.Graph(units.graph.subgraph(free).to_undirected())
    groups = list(nx.connected_components(left))
    trunk: UnionFind[int] = UnionFind()
    moved_weight, alone = 0.0, units.weight(free) + start_seconds
    best: tuple[float, Bins, Bins] | None = None
    while True:
        shared = _packed(units, trunk.to_sets(), most_parts)
        rest = _packed(units, groups, most_parts)
        waves = bool(shared) + bool(rest)
        cost = _longest(units, shared) + _longest(units, rest) + waves * start_seconds
        if best is None or cost < best[0] - 1e-9:
            best = (cost, shared, rest)
        # However the rest falls, the trunk alone takes longer.
        bound = moved_weight / most_parts + 2 * start_seconds
        heaviest = max(groups, key=lambda group: (units.weight(group), -min(group)), default=set())
        if len(heaviest) < 2 or bound >= min(best[0], alone):
            return best[1], best[2]
        moved = max(
            (unit for unit in heaviest if heaviest.isdisjoint(units.graph.predecessors(unit))),
            key=lambda unit: (units.reach[unit], -units.weights[unit], -unit),
        )
        trunk.union(moved, *(set(units.graph.predecessors(moved)) & free))
        moved_weight += units.weights[moved]
        left.remove_node(moved)
        groups.remove(heaviest)
        apart = heaviest - {moved}
        while apart:
            groups.append(set(nx.node_connected_component(left, min(apart))))
            apart -= groups[-1]


def _packed(units: _Units, groups: Iterable[set[int]], most_parts: int) -> Bins:
    """Groups in bins, the heaviest first, each into the bin that is lightest so far."""
    bins: Bins = [set() for _ in range(most_parts)]
    weights = [0.0] * most_parts
    for group in sorted(groups, key=lambda group: (-units.weight(group), min(group))):
        lightest = min(range(most_parts), key=lambda at: (weights[at], at))
        bins[lightest] |= group
        weights[lightest] += units.weight(group)
    return sorted(
        (held for held in bins if held), key=lambda held: (-units.weight(held), min(held))
    )


def _longest(units: _Units, bins: Bins) -> float:
    return max((units.weight(held) for held in bins), default=0.0)


def _is_test(node: str) -> bool:
    return node.startswith(("test.", "unit_test."))
