"""The lineage picture as a small PNG, for pages that show no SVG; opaque, as the UI may be dark."""

from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageDraw

from lakehouse.quality.run_facts import Lineage
from lakehouse.reports.lineage.captions import KIND_SIZE, MARK_ROOM, NAME_SIZE, PADDING
from lakehouse.reports.lineage.layout import Box, Layout, Point, lay_out
from lakehouse.reports.lineage.legend import LEGEND_SIZE, Legend, legend_of
from lakehouse.reports.lineage.png_letters import Colour, Stroke, draw_strokes, draw_text
from lakehouse.reports.lineage.standing import LineageWords, Mark, PictureTone, mark_of, tone_of
from lakehouse.reports.lineage.svg import CORNERS

_BACKGROUND: Colour = (255, 255, 255)
_INK: Colour = (28, 35, 33)
_SOFT: Colour = (93, 107, 102)
_WIRE = 158
_LINE = 1.4
_TONES: Mapping[PictureTone, tuple[Colour, Colour]] = {
    "ok": ((227, 243, 234), (31, 122, 77)),
    "warn": ((253, 241, 215), (138, 90, 0)),
    "bad": ((251, 230, 228), (179, 38, 30)),
    "skip": ((236, 239, 240), _SOFT),
    "none": (_BACKGROUND, _SOFT),
}
_MARKS: Mapping[Mark, tuple[Stroke, ...]] = {
    "✓": (((-4, 0), (-1, 3.5), (4.5, -4)),),
    "!": (((0, -4.5), (0, 1)), ((0, 4.3), (0, 4.4))),
    "✗": (((-3.5, -3.5), (3.5, 3.5)), ((-3.5, 3.5), (3.5, -3.5))),
    "\u2013": (((-4, 0), (4, 0)),),
    "": (),
}
_COLOURS = 48
_FINE = 2


def lineage_png(
    lineage: Lineage,
    *,
    scale: float = 1.0,
    words: LineageWords | None = None,
    most_nodes: int = 60,
    most_pixels: int = 12_000_000,
) -> bytes:
    """Draw the lineage as a PNG of `width * scale` by `height * scale` pixels of its layout.

    Args:
        lineage: what to show.
        scale: pixels per CSS pixel.
        words: kinds and statuses in the reader's language; English by default.
        most_nodes: most boxes; the rest is folded.
        most_pixels: of the whole picture; a larger one is drawn at a smaller scale.
    """
    words = words or LineageWords()
    layout = lay_out(lineage, most_nodes, words)
    legend = legend_of(layout, words)
    scale = min(scale, (most_pixels / (legend.width * legend.height)) ** 0.5)
    size = (max(1, round(legend.width * scale)), max(1, round(legend.height * scale)))
    image = _wires(size, layout, scale)
    for box in layout.boxes:
        _draw_box(image, box, scale)
    _draw_legend(image, legend, scale)
    content = BytesIO()
    palette = image.quantize(_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette.save(content, "PNG")
    return content.getvalue()


def _wires(size: tuple[int, int], layout: Layout, scale: float) -> Image.Image:
    # All arrows are of one grey, and a picture of greys is drawn in a third of the time.
    canvas = Image.new("L", (size[0] * _FINE, size[1] * _FINE), 255)
    pen = ImageDraw.Draw(canvas)
    fine = scale * _FINE
    for wire in layout.wires:
        path: list[Point] = []
        for at in range(0, len(wire.points), 2):
            path += _bent(wire.points[at], wire.points[at + 1])
        placed = [(x * fine, y * fine) for x, y in path]
        pen.line(placed, fill=_WIRE, width=max(1, round(_LINE * fine)), joint="curve")
        x, y = placed[-1]
        pen.polygon(
            [(x, y), (x - 7 * fine, y - 4 * fine), (x - 7 * fine, y + 4 * fine)], fill=_WIRE
        )
    return canvas.reduce(_FINE).convert("RGB")


def _bent(start: Point, end: Point) -> list[Point]:
    (x1, y1), (x2, y2) = start, end
    bend, steps = (x1 + x2) / 2, 16 if abs(y2 - y1) > 1 else 1
    path = []
    for step in range(steps + 1):
        t = step / steps
        near, middle, far = (1 - t) ** 3, 3 * t * (1 - t), t**3
        x = near * x1 + middle * bend + far * x2
        path.append((x, (near + middle * (1 - t)) * y1 + (far + middle * t) * y2))
    return path


def _draw_box(image: Image.Image, box: Box, scale: float) -> None:
    fill, line = _TONES[tone_of(box.status)]
    corner = 9 if box.folded else CORNERS[box.nodes[0].kind]
    width, height = round(box.width * scale), round(box.height * scale)
    outer, inner = _shape(width, height, corner * scale, max(1.0, _LINE * scale))
    for shift in (4, 0) if box.folded else (0,):
        place = (round((box.x + shift) * scale), round((box.y + shift) * scale))
        image.paste(line, place, outer)
        image.paste(fill, place, inner)
    kind, name = box.caption.fitted(box.width)
    room = (box.width - 2 * PADDING) * scale
    left = (box.x + PADDING) * scale
    draw_text(
        image, (left, (box.y + 17) * scale), kind,
        size=KIND_SIZE * scale, most=room, colour=_SOFT,
    )  # fmt: skip
    draw_text(
        image, (left, (box.y + 33) * scale), name,
        size=NAME_SIZE * scale, most=room - MARK_ROOM * scale, colour=_INK,
    )  # fmt: skip
    _draw_mark(image, (box.x + box.width - 16, box.y + 29), mark_of(box.status), scale, line)


@lru_cache(maxsize=64)
def _shape(
    width: int, height: int, corner: float, border: float
) -> tuple[Image.Image, Image.Image]:
    """Masks of a box and of what lies inside its line."""
    fine = 4
    masks = []
    for inset in (0.0, border):
        mask = Image.new("L", (width * fine, height * fine))
        edge = inset * fine
        ImageDraw.Draw(mask).rounded_rectangle(
            (edge, edge, width * fine - 1 - edge, height * fine - 1 - edge),
            radius=max(0.0, corner - inset) * fine,
            fill=255,
        )
        masks.append(mask.reduce(fine))
    return masks[0], masks[1]


def _draw_mark(image: Image.Image, at: Point, mark: Mark, scale: float, colour: Colour) -> None:
    strokes = tuple(
        tuple(((at[0] + x) * scale, (at[1] + y) * scale) for x, y in stroke)
        for stroke in _MARKS[mark]
    )
    if strokes:
        draw_strokes(image, strokes, width=1.9 * scale, colour=colour)


def _draw_legend(image: Image.Image, legend: Legend, scale: float) -> None:
    for entry in legend.entries:
        left = entry.x
        if entry.status:
            _, line = _TONES[tone_of(entry.status)]
            _draw_mark(image, (entry.x + 7, entry.y), mark_of(entry.status), scale, line)
            left += 18
        draw_text(
            image, (left * scale, (entry.y + 4) * scale), entry.text,
            size=LEGEND_SIZE * scale, most=image.width, colour=_SOFT,
        )  # fmt: skip
