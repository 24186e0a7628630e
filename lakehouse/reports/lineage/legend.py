"""The line below the boxes that says what each mark means."""

from dataclasses import dataclass

from lakehouse.quality.build_results import STATUSES, Status
from lakehouse.reports.artifacts.markdown import plain
from lakehouse.reports.lineage.layout import MARGIN, Layout
from lakehouse.reports.lineage.lettering import text_width
from lakehouse.reports.lineage.standing import LineageWords

LEGEND_SIZE = 11.0

_LINE = 20.0
_GAP = 18.0
_MARK = 20.0
_NARROWEST = 320.0


@dataclass(frozen=True)
class LegendEntry:
    """A mark and its word; `status` is None for the number of nodes not shown."""

    x: float
    y: float
    status: Status | None
    text: str


@dataclass(frozen=True)
class Legend:
    """The entries, and the size of the whole picture with them."""

    entries: tuple[LegendEntry, ...]
    width: float
    height: float


def legend_of(layout: Layout, words: LineageWords) -> Legend:
    """One entry for each status in the picture, from left to right, in as many lines as needed."""
    found = {box.status for box in layout.boxes}
    told: list[tuple[Status | None, str]] = [
        (status, plain(words.status(status))) for status in STATUSES if status in found
    ]
    if layout.folded:
        told.append((None, plain(f"+{layout.folded} {words.not_shown}")))
    if not told:
        return Legend((), layout.width, layout.height)
    entries: list[LegendEntry] = []
    x, y, width = MARGIN, layout.height + _LINE / 2, layout.width
    for status, word in told:
        room = (_MARK if status else 0) + text_width(word, LEGEND_SIZE)
        if entries and x + room + MARGIN > max(layout.width, _NARROWEST):
            x, y = MARGIN, y + _LINE
        entries.append(LegendEntry(x, y, status, word))
        width = max(width, x + room + MARGIN)
        x += room + _GAP
    return Legend(tuple(entries), width, y + _LINE / 2 + MARGIN / 2)
