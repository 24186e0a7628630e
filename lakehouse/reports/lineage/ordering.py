"""Order inside the layers so that few arrows cross, and heights so that they run straight.

Sugiyama's method: barycentre sweeps, then least squares under the order found. Slots are numbers;
every edge leads from one layer to the next.
"""

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from itertools import pairwise

Layers = list[list[int]]
Edges = Sequence[tuple[int, int]]
Neighbours = Mapping[int, Sequence[int]]

_SWEEPS = 16
_STRAIGHTENINGS = 24
# A bend in the middle of a long arrow is seen sooner than one at its ends.
_PULLS = (1.0, 2.0, 8.0)


def neighbours(edges: Edges) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Parents and children of each slot."""
    parents: dict[int, list[int]] = {}
    children: dict[int, list[int]] = {}
    for parent, child in edges:
        children.setdefault(parent, []).append(child)
        parents.setdefault(child, []).append(parent)
    return parents, children


def crossings(layers: Layers, children: Neighbours) -> int:
    """How many pairs of edges cross."""
    total = 0
    for layer, following in pairwise(layers):
        place = {slot: at for at, slot in enumerate(following)}
        seen: list[int] = []
        for slot in layer:
            ends = [place[child] for child in children.get(slot, ())]
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def order_layers(layers: Layers, edges: Edges) -> Layers:
    """The layers, each in an order with few crossings; the same input gives the same order."""
    parents, children = neighbours(edges)
    # What neither reads nor is read stands below, out of the way of the others.
    alone = [[slot for slot in layer if _alone(slot, parents, children)] for layer in layers]
    best = [[slot for slot in layer if not _alone(slot, parents, children)] for layer in layers]
    current = [list(layer) for layer in best]
    fewest = crossings(best, children)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        forward = sweep % 2 == 0
        at = range(1, len(current)) if forward else range(len(current) - 2, -1, -1)
        for index in at:
            beside = current[index - 1 if forward else index + 1]
            _by_barycentre(current[index], beside, parents if forward else children)
        _swap_neighbours(current, parents, children)
        found = crossings(current, children)
        if found < fewest:
            best, fewest = [list(layer) for layer in current], found
    return [[*linked, *rest] for linked, rest in zip(best, alone, strict=True)]


def _alone(slot: int, parents: Neighbours, children: Neighbours) -> bool:
    return slot not in parents and slot not in children


def _by_barycentre(layer: list[int], beside: list[int], linked: Neighbours) -> None:
    place = {slot: at for at, slot in enumerate(beside)}
    centre: dict[int, float] = {}
    for at, slot in enumerate(layer):
        ends = [place[other] for other in linked.get(slot, ())]
        centre[slot] = sum(ends) / len(ends) if ends else at * len(beside) / len(layer)
    layer.sort(key=centre.__getitem__)


def _swap_neighbours(layers: Layers, parents: Neighbours, children: Neighbours) -> None:
    for index, layer in enumerate(layers):
        sides = []
        for beside, linked in ((index - 1, parents), (index + 1, children)):
            if 0 <= beside < len(layers):
                place = {slot: at for at, slot in enumerate(layers[beside])}
                sides.append(
                    {slot: sorted(place[o] for o in linked.get(slot, ())) for slot in layer}
                )
        for at in range(len(layer) - 1):
            upper, lower = layer[at], layer[at + 1]
            now = sum(_crossed(side[upper], side[lower]) for side in sides)
            swapped = sum(_crossed(side[lower], side[upper]) for side in sides)
            if swapped < now:
                layer[at], layer[at + 1] = lower, upper


def _crossed(upper: list[int], lower: list[int]) -> int:
    return sum(len(upper) - bisect_right(upper, end) for end in lower)


def heights_of(
    layers: Layers, edges: Edges, *, sizes: Mapping[int, float], gaps: Mapping[int, float]
) -> dict[int, float]:
    """Vertical centre of each slot: near its neighbours, never nearer than sizes and gaps allow.

    Args:
        layers: slots in their final order.
        edges: from one layer to the next.
        sizes: height of each slot.
        gaps: room that each slot wants to its neighbours in the layer; the larger one counts.
    """
    parents, children = neighbours(edges)
    pulls = {edge: _PULLS[(not sizes[edge[0]]) + (not sizes[edge[1]])] for edge in edges}
    offsets = [_offsets(layer, sizes, gaps) for layer in layers]
    middle = {
        slot: offset - spread[-1] / 2
        for layer, spread in zip(layers, offsets, strict=True)
        for slot, offset in zip(layer, spread, strict=True)
    }
    for turn in range(_STRAIGHTENINGS):
        rightwards, both = turn % 2 == 0, turn >= _STRAIGHTENINGS // 2
        for index in range(len(layers)) if rightwards else range(len(layers) - 1, -1, -1):
            layer, spread = layers[index], offsets[index]
            wanted: list[float] = []
            weights: list[float] = []
            for slot, offset in zip(layer, spread, strict=True):
                near = [(middle[slot], 0.01)]
                if rightwards or both:
                    near += [(middle[up], pulls[up, slot]) for up in parents.get(slot, ())]
                if both or not rightwards:
                    near += [(middle[down], pulls[slot, down]) for down in children.get(slot, ())]
                weights.append(sum(pull for _, pull in near))
                if wanted and _alone(slot, parents, children):
                    wanted.append(wanted[-1])
                else:
                    wanted.append(sum(at * pull for at, pull in near) / weights[-1] - offset)
            for slot, base, offset in zip(layer, _rising(wanted, weights), spread, strict=True):
                middle[slot] = base + offset
    return middle


def _offsets(
    layer: list[int], sizes: Mapping[int, float], gaps: Mapping[int, float]
) -> list[float]:
    offsets = [0.0]
    for upper, lower in pairwise(layer):
        room = (sizes[upper] + sizes[lower]) / 2 + max(gaps[upper], gaps[lower])
        offsets.append(offsets[-1] + room)
    return offsets


def _rising(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Nearest values that never fall: isotonic regression by pooling adjacent violators."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(wanted, weights, strict=True):
        mean, mass, count = value, weight, 1
        while pools and pools[-1][0] > mean:
            upper, upper_mass, upper_count = pools.pop()
            mean = (upper * upper_mass + mean * mass) / (upper_mass + mass)
            mass, count = mass + upper_mass, count + upper_count
        pools.append((mean, mass, count))
    return [mean for mean, _, count in pools for _ in range(count)]
