"""How wide a text will be, and how it is cut so that both its ends stay readable.

Widths are estimates for a sans-serif font, on the safe side: the reader's font is not known.
"""

import unicodedata

_NARROW = frozenset("iljtfr.,:;!|'`()[]·")
_WIDE = frozenset("mwMW@%…")


def text_width(text: str, size: float) -> float:
    """Estimated width of a line, in the unit of `size` (height of the font)."""
    return size * sum(_advance(char) for char in text)


def _advance(char: str) -> float:
    if char in _NARROW:
        return 0.36
    if char in _WIDE:
        return 0.95
    if unicodedata.combining(char):
        return 0.0
    if unicodedata.east_asian_width(char) in ("W", "F"):
        return 1.05
    if char.isupper():
        return 0.74
    return 0.6 if char.isascii() or (char.isalpha() and ord(char) < 0x250) else 0.8


def cut_middle(text: str, size: float, most: float) -> str:
    """The text, or its beginning and end with `…` between them if it is wider than `most`."""
    if text_width(text, size) <= most:
        return text
    room = most - text_width("…", size)
    head = tail = 0
    # The end tells `_arg` from `_bra`, so both ends grow in turn.
    while head + tail < len(text):
        step_head = head <= tail
        char = text[head] if step_head else text[len(text) - 1 - tail]
        room -= text_width(char, size)
        if room < 0:
            break
        head, tail = (head + 1, tail) if step_head else (head, tail + 1)
    return f"{text[:head]}…{text[len(text) - tail :]}"
