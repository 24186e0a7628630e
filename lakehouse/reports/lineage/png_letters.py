"""Letters for the PNG: Pillow's embedded font knows ASCII, the accents of names are drawn here.

Only this font is sure to be there: a server need not have any.
"""

import unicodedata
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Stroke = tuple[tuple[float, float], ...]

_SPELLED = {
    "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l",
    "Ł": "L", "\u0131": "i", "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "\u2013": "-",
    "\u2014": "-", "•": "·", "¿": "?", "¡": "!", "€": "EUR", "\u00a0": " ",
}  # fmt: skip

# In units of the font size, from the middle of the letter and from its upper or lower edge.
_ACCENTS: dict[str, tuple[Stroke, ...]] = {
    "\u0300": (((-0.12, -0.17), (0.05, -0.06)),),
    "\u0301": (((0.12, -0.17), (-0.05, -0.06)),),
    "\u0302": (((-0.13, -0.06), (0.0, -0.17), (0.13, -0.06)),),
    "\u0303": (((-0.16, -0.07), (-0.08, -0.13), (0.08, -0.07), (0.16, -0.13)),),
    "\u0308": (((-0.12, -0.11), (-0.11, -0.11)), ((0.11, -0.11), (0.12, -0.11))),
    "\u030a": (((0, -0.18), (0.07, -0.12), (0, -0.06), (-0.07, -0.12), (0, -0.18)),),
    "\u030c": (((-0.13, -0.17), (0.0, -0.06), (0.13, -0.17)),),
    "\u0327": (((0.0, 0.02), (0.05, 0.1), (-0.07, 0.17)),),
}


@lru_cache(maxsize=32)
def font_of(size: float) -> ImageFont.FreeTypeFont:
    """Pillow's embedded font at a size in pixels.

    Raises:
        OSError: Pillow was built without FreeType.
    """
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise OSError("Pillow has no FreeType here: install its own wheel, then run again.")
    return font.font_variant(layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4096)
def _has(char: str) -> bool:
    font = font_of(20)
    missing, glyph = font.getmask("\uffff"), font.getmask(char)
    return char == " " or glyph.size != missing.size or bytes(glyph) != bytes(missing)


def spelled(text: str) -> tuple[str, tuple[tuple[int, str], ...]]:
    """What the font can show of a text, and the accents over which of its letters.

    Letters that are neither known nor spelled otherwise become `?`.
    """
    shown: list[str] = []
    accents: list[tuple[int, str]] = []
    for whole in unicodedata.normalize("NFC", text):
        for char in _SPELLED.get(whole) or unicodedata.normalize("NFKD", whole):
            if unicodedata.combining(char):
                if shown and char in _ACCENTS:
                    accents.append((len(shown) - 1, char))
            elif char.isprintable():
                shown.append(char if _has(char) else "?")
    return "".join(shown), tuple(accents)


def draw_text(
    image: Image.Image, at: tuple[float, float], text: str, *, size: float, most: float,
    colour: Colour,
) -> None:  # fmt: skip
    """Write a line; `at` is the left end of its baseline, `most` its greatest width."""
    font = font_of(size)
    while font.getlength(spelled(text)[0]) > most and len(text) > 3:
        text = _shorter(text)
    line, accents = spelled(text)
    ImageDraw.Draw(image).text(at, line, font=font, fill=colour, anchor="ls")
    for place, accent in accents:
        letter = line[place]
        middle = font.getlength(line[:place]) + font.getlength(letter) / 2
        edge = 0.0 if accent == "\u0327" else _top(letter, size)
        strokes = tuple(
            tuple((at[0] + middle + x * size, at[1] + edge + y * size) for x, y in stroke)
            for stroke in _ACCENTS[accent]
        )
        draw_strokes(image, strokes, width=size * 0.075, colour=colour)


def _top(letter: str, size: float) -> float:
    # The accent of an i takes the place of its dot.
    drawn = "x" if letter in "ij" else letter
    return font_of(size).getbbox(drawn, anchor="ls")[1]


def _shorter(text: str) -> str:
    bare = text.replace("…", "")
    half = (len(bare) - 1) // 2
    return f"{bare[:half]}…{bare[len(bare) - half :]}"


def draw_strokes(
    image: Image.Image, strokes: tuple[Stroke, ...], *, width: float, colour: Colour
) -> None:
    """Draw smooth lines with round joints, in pixels of the image."""
    fine = 4
    points = [point for stroke in strokes for point in stroke]
    pad = int(width) + 2
    left, top = (int(min(point[axis] for point in points)) - pad for axis in (0, 1))
    right, bottom = (int(max(point[axis] for point in points)) + pad for axis in (0, 1))
    mask = Image.new("L", ((right - left) * fine, (bottom - top) * fine))
    pen = ImageDraw.Draw(mask)
    radius = width * fine / 2
    for stroke in strokes:
        placed = [((x - left) * fine, (y - top) * fine) for x, y in stroke]
        pen.line(placed, fill=255, width=max(1, round(width * fine)), joint="curve")
        for x, y in placed:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    image.paste(colour, (left, top), mask.reduce(fine))
