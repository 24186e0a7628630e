"""Where the boxes and arrows of the lineage picture stand, for any way of drawing it.

Lengths are CSS pixels at a scale of 1; the origin is the upper left corner.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from lakehouse.quality.build_results import Status, worst
from lakehouse.quality.run_facts import Lineage, LineageNode
from lakehouse.reports.lineage.captions import Caption, caption_of
from lakehouse.reports.lineage.folding import Members, acyclic_graph, fold, layers_of
from lakehouse.reports.lineage.ordering import heights_of, order_layers
from lakehouse.reports.lineage.standing import LineageWords

MARGIN = 12.0
BOX_HEIGHT = 44.0

_ROW_GAP = 14.0
_WIRE_GAP = 11.0
_COLUMN_GAP = 40.0
_NARROWEST, _WIDEST = 96.0, 236.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A node, or several that share a box; `x` and `y` are its upper left corner."""

    nodes: tuple[LineageNode, ...]
    caption: Caption
    x: float
    y: float
    width: float
    height: float = BOX_HEIGHT

    @property
    def folded(self) -> int:
        """How many nodes share the box; 0 if it shows one node."""
        return len(self.nodes) if len(self.nodes) > 1 else 0

    @property
    def status(self) -> Status | None:
        """The worst status in the box."""
        return worst(node.status for node in self.nodes)


@dataclass(frozen=True)
class Wire:
    """An arrow from left to right between two boxes, given by their place in `Layout.boxes`.

    Attributes:
        points: pairs that are joined by a curve (first to second, third to fourth ...) in the
            room between two layers; from second to third it runs level through a layer.
    """

    parent: int
    child: int
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Layout:
    """Boxes and arrows, and the size of the picture without its legend.

    Attributes:
        folded: how many nodes have no box of their own.
    """

    width: float
    height: float
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    folded: int


def lay_out(lineage: Lineage, most_nodes: int = 60, words: LineageWords | None = None) -> Layout:
    """Place every node in a layer right of all that it reads.

    Args:
        lineage: what to show; edges without both ends or in a circle are left out.
        most_nodes: most boxes. Beyond it the nodes of least interest share a box per layer.
        words: what the boxes say; English by default.
    """
    nodes = {node.id: node for node in lineage.nodes}
    graph = acyclic_graph(nodes, lineage.edges)
    columns = fold(graph, layers_of(graph), nodes, most_nodes)
    if not columns:
        return Layout(2 * MARGIN, 2 * MARGIN, (), (), 0)
    slots = _Slots(columns, list(graph.edges))
    order = order_layers(slots.layers, slots.edges)
    sizes = {slot: BOX_HEIGHT if slot < slots.boxes else 0.0 for layer in order for slot in layer}
    gaps = {slot: _ROW_GAP if size else _WIRE_GAP for slot, size in sizes.items()}
    middle = heights_of(order, slots.edges, sizes=sizes, gaps=gaps)
    top = min(middle[slot] - sizes[slot] / 2 for slot in middle) - MARGIN
    middle = {slot: round(at - top, 1) for slot, at in middle.items()}
    shown = [tuple(nodes[key] for key in members) for _, members in slots.members]
    captions = [caption_of(members, words or LineageWords()) for members in shown]
    spans = _spans(slots, captions)
    boxes = tuple(
        Box(
            shown[slot],
            captions[slot],
            spans[slots.column[slot]][0],
            middle[slot] - BOX_HEIGHT / 2,
            spans[slots.column[slot]][1],
        )
        for slot in range(slots.boxes)
    )
    lowest = max(middle[slot] + sizes[slot] / 2 for slot in middle)
    return Layout(
        width=spans[-1][0] + spans[-1][1] + MARGIN,
        height=lowest + MARGIN,
        boxes=boxes,
        wires=tuple(_wire(chain, slots, spans, middle) for chain in slots.chains),
        folded=sum(box.folded for box in boxes),
    )


class _Slots:
    """Boxes as numbers, and a further number wherever an arrow passes a layer between its ends."""

    def __init__(self, columns: list[list[Members]], edges: list[tuple[str, str]]) -> None:
        self.members = [
            (column, members) for column, layer in enumerate(columns) for members in layer
        ]
        self.boxes = len(self.members)
        self.column = [column for column, _ in self.members]
        self.layers: list[list[int]] = [[] for _ in columns]
        for slot, column in enumerate(self.column):
            self.layers[column].append(slot)
        box_of = {key: slot for slot, (_, members) in enumerate(self.members) for key in members}
        self._passing: dict[tuple[int, int], int] = {}
        joined = {(box_of[parent], box_of[child]) for parent, child in edges}
        self.chains = [
            self._chain(parent, child) for parent, child in sorted(joined) if parent != child
        ]
        pairs = (pair for chain in self.chains for pair in pairwise(chain))
        self.edges = list(dict.fromkeys(pairs))

    def _chain(self, parent: int, child: int) -> tuple[int, ...]:
        columns = range(self.column[parent] + 1, self.column[child])
        return (parent, *(self._passing_slot(parent, column) for column in columns), child)

    def _passing_slot(self, parent: int, column: int) -> int:
        # Arrows of one parent share their way, so that a much-read table draws one line.
        if (parent, column) not in self._passing:
            self._passing[parent, column] = len(self.column)
            self.layers[column].append(len(self.column))
            self.column.append(column)
        return self._passing[parent, column]


def _spans(slots: _Slots, captions: list[Caption]) -> list[tuple[float, float]]:
    """Left edge and width of each layer."""
    widths = [_NARROWEST] * len(slots.layers)
    for slot, (column, _) in enumerate(slots.members):
        room = ceil(captions[slot].width)
        widths[column] = min(_WIDEST, max(widths[column], room))
    wires = [0] * len(slots.layers)
    for parent, _ in slots.edges:
        wires[slots.column[parent]] += 1
    spans, x = [], MARGIN
    for width, leaving in zip(widths, wires, strict=True):
        spans.append((x, width))
        # Many arrows between two layers need room to bend apart.
        x += width + _COLUMN_GAP + min(48, leaving)
    return spans


def _wire(
    chain: tuple[int, ...],
    slots: _Slots,
    spans: list[tuple[float, float]],
    middle: Mapping[int, float],
) -> Wire:
    points: list[Point] = []
    for slot, following in pairwise(chain):
        left, width = spans[slots.column[slot]]
        points.append((left + width, middle[slot]))
        points.append((spans[slots.column[following]][0], middle[following]))
    return Wire(chain[0], chain[-1], tuple(points))
