"""What a box says of its node, or of the nodes that share it."""

from dataclasses import dataclass

from lakehouse.quality.build_results import worst
from lakehouse.quality.run_facts import LineageNode
from lakehouse.reports.artifacts.markdown import plain
from lakehouse.reports.lineage.lettering import cut_middle, text_width
from lakehouse.reports.lineage.standing import LineageWords

NAME_SIZE = 12.0
KIND_SIZE = 10.0
PADDING = 11.0
MARK_ROOM = 20.0

_MOST_TOLD = 20


@dataclass(frozen=True)
class Caption:
    """Texts of a box, uncut.

    Attributes:
        kind: what the node is; empty where several share the box.
        note: status unless it passes; else the source, or the schema of a published table.
        name: the last part of the name, or how many nodes share the box.
        whole: everything, to be shown when pointed at.
    """

    kind: str
    note: str
    name: str
    whole: str

    @property
    def line(self) -> str:
        """The small line above the name."""
        return _joined(self.kind, self.note)

    @property
    def width(self) -> float:
        """Width of a box in which nothing is cut."""
        name = text_width(self.name, NAME_SIZE) + MARK_ROOM
        return max(name, text_width(self.line, KIND_SIZE)) + 2 * PADDING

    def fitted(self, width: float) -> tuple[str, str]:
        """The small line and the name, cut so that they fit a box of that width."""
        room = width - 2 * PADDING
        line = self.line
        if text_width(line, KIND_SIZE) > room:
            line = cut_middle(self.note or line, KIND_SIZE, room)
        return line, cut_middle(self.name, NAME_SIZE, room - MARK_ROOM)


def caption_of(nodes: tuple[LineageNode, ...], words: LineageWords) -> Caption:
    """The texts of the box of these nodes."""
    status = worst(node.status for node in nodes)
    told = words.status(status) if status else ""
    wrong = "" if status == "pass" else told
    if len(nodes) > 1:
        names = [plain(node.name, None) for node in nodes[:_MOST_TOLD]]
        more = [f"+{len(nodes) - _MOST_TOLD}"] if len(nodes) > _MOST_TOLD else []
        whole = _joined(", ".join([*names, *more]), wrong)
        return Caption("", wrong or words.not_shown, f"+{len(nodes)}", whole)
    node = nodes[0]
    name, kind, place = plain(node.name, None), words.kind(node.kind), ""
    whole = _joined(name, kind, told)
    if node.kind in ("source", "published"):
        place, _, name = name.rpartition(".")
    return Caption(kind, wrong or place, name, whole)


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
