"""The lineage picture as an SVG that stands in a page or alone: no script, nothing external."""

import re
from html import escape

from lakehouse.quality.run_facts import Lineage
from lakehouse.reports.artifacts.markdown import plain
from lakehouse.reports.lineage.captions import KIND_SIZE, NAME_SIZE, PADDING
from lakehouse.reports.lineage.layout import Box, Wire, lay_out
from lakehouse.reports.lineage.legend import LEGEND_SIZE, Legend, legend_of
from lakehouse.reports.lineage.standing import LineageWords, mark_of, tone_of

CORNERS = {"source": 3, "seed": 3, "model": 9, "snapshot": 9, "exposure": 22, "published": 22}

# A page's own rules for `svg text` must not win, and these must not leave the picture.
_SIZES = (
    f"svg.lineage text {{ font: {NAME_SIZE:g}px system-ui, sans-serif; fill: var(--ink, #1c2321) }}"
    f"\nsvg.lineage .kind {{ font-size: {KIND_SIZE:g}px; fill: var(--soft, #5d6b66) }}"
    f"\nsvg.lineage .key {{ font-size: {LEGEND_SIZE:g}px; fill: var(--soft, #5d6b66) }}"
)
_COLOURS = """
svg.lineage .wire { fill: none; stroke: var(--soft, #5d6b66); stroke-opacity: .6 }
svg.lineage .tip { fill: var(--soft, #5d6b66) }
svg.lineage .wire, svg.lineage .box { stroke-width: 1.4 }
svg.lineage .mark { font-size: 13px; font-weight: 700; text-anchor: middle }
svg.lineage .ok .box { fill: var(--ok-bg, #e3f3ea); stroke: var(--ok, #1f7a4d) }
svg.lineage .warn .box { fill: var(--warn-bg, #fdf1d7); stroke: var(--warn, #8a5a00) }
svg.lineage .bad .box { fill: var(--bad-bg, #fbe6e4); stroke: var(--bad, #b3261e) }
svg.lineage .skip .box { fill: var(--skip-bg, #eceff0); stroke: var(--skip, #5d6b66) }
svg.lineage .skip .box { stroke-dasharray: 5 3 }
svg.lineage .none .box { fill: var(--card, #fff); stroke: var(--soft, #5d6b66) }
svg.lineage .ok .mark { fill: var(--ok, #1f7a4d) }
svg.lineage .warn .mark { fill: var(--warn, #8a5a00) }
svg.lineage .bad .mark { fill: var(--bad, #b3261e) }
svg.lineage .skip .mark { fill: var(--skip, #5d6b66) }
"""


def lineage_svg(
    lineage: Lineage,
    *,
    title: str,
    words: LineageWords | None = None,
    most_nodes: int = 60,
) -> str:
    """Draw the lineage as inline SVG; its colours are the page's variables, or its own.

    Args:
        lineage: what to show.
        title: what the picture shows, for those who cannot see it.
        words: kinds and statuses in the reader's language; English by default.
        most_nodes: most boxes; the rest is folded.
    """
    words = words or LineageWords()
    layout = lay_out(lineage, most_nodes, words)
    legend = legend_of(layout, words)
    width, height = _number(legend.width), _number(legend.height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lineage" role="img" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}">',
        f"<title>{_escaped(title)}</title>",
        f"<style>\n{_SIZES}{_COLOURS}</style>",
        f'<path class="wire" d="{"".join(map(_curve, layout.wires))}"/>' if layout.wires else "",
        f'<path class="tip" d="{_tips(layout.wires)}"/>' if layout.wires else "",
        *map(_box, layout.boxes),
        *_legend(legend),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part)


def _curve(wire: Wire) -> str:
    (x, y), *_ = wire.points
    path = f"M{_number(x)} {_number(y)}"
    for at in range(0, len(wire.points), 2):
        (x1, y1), (x2, y2) = wire.points[at : at + 2]
        level = f"H{_number(x1)}" if at else ""
        bend = _number((x1 + x2) / 2)
        end = f"{_number(x2)} {_number(y2)}"
        path += f"{level}C{bend} {_number(y1)} {bend} {_number(y2)} {end}"
    return path


def _tips(wires: tuple[Wire, ...]) -> str:
    ends = dict.fromkeys(wire.points[-1] for wire in wires)
    return "".join(f"M{_number(x)} {_number(y)}l-7 -4v8z" for x, y in ends)


def _box(box: Box) -> str:
    kind, name = box.caption.fitted(box.width)
    corner = 9 if box.folded else CORNERS[box.nodes[0].kind]
    x, y, right = box.x, box.y, box.x + box.width
    shape = (
        f'width="{_number(box.width)}" height="{_number(box.height)}" rx="{corner}" class="box"/>'
    )
    behind = f'<rect x="{_number(x + 4)}" y="{_number(y + 4)}" {shape}' if box.folded else ""
    return (
        f'<g class="{tone_of(box.status)}"><title>{_escaped(box.caption.whole)}</title>{behind}'
        f'<rect x="{_number(x)}" y="{_number(y)}" {shape}'
        f'<text class="kind" x="{_number(x + PADDING)}" y="{_number(y + 17)}">'
        f"{_escaped(kind)}</text>"
        f'<text x="{_number(x + PADDING)}" y="{_number(y + 33)}">{_escaped(name)}</text>'
        f'<text class="mark" x="{_number(right - 16)}" y="{_number(y + 33)}">'
        f"{mark_of(box.status)}</text></g>"
    )


def _legend(legend: Legend) -> list[str]:
    parts = []
    for entry in legend.entries:
        x, y = entry.x, _number(entry.y + 4)
        if not entry.status:
            parts.append(
                f'<text class="key" x="{_number(x)}" y="{y}">{_escaped(entry.text)}</text>'
            )
            continue
        parts.append(
            f'<g class="{tone_of(entry.status)}"><text class="mark" x="{_number(x + 7)}" y="{y}">'
            f'{mark_of(entry.status)}</text><text class="key" x="{_number(x + 18)}" y="{y}">'
            f"{_escaped(entry.text)}</text></g>"
        )
    return parts


def _escaped(text: str) -> str:
    # XML has no character for these, not even escaped.
    return escape(re.sub("[\ufffe\uffff]", "", plain(text, None)))


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
