"""What DuckDB's JSON reader takes but must not decide, seen in the bytes outside strings.

It reads reals as doubles (RFC 8259 section 6 allows any digits), so that `12345678901234567.89`
loses its end and `1.50` becomes `1.5`; and it takes NaN, Infinity and commas before a closing
bracket, which are no JSON.
"""

import re

import numpy as np
from numpy.typing import NDArray

# Longer than any number that is kept as written.
_TAIL = 64
# Small enough that masks of it are not mapped anew each time, as in structure.py.
_BLOCK_BYTES = 100_000
_NO_LITERAL = (b"N", b"I", b"i", b"/")
_FOUR_ZEROS_FIFTEEN_DIGITS_OR_A_LAST_ZERO = re.compile(
    rb"\.(?:0000|[0-9]{15}|[0-9]+(?<=[0-9]0)[^0-9])"
)
_REAL = re.compile(rb"[0-9]+\.[0-9]+")
# A decimal of 15 significant digits survives the way through a double (IEEE 754 binary64).
_EXACT_DIGITS = 15


class StrictnessCheck:
    """Follows the bytes outside strings over consecutive chunks.

    Attributes:
        is_strict: whether nothing came that only DuckDB takes for JSON.
        keeps_numbers: whether DuckDB gives back every number as it was written.
        filled_members: keys, of all objects, whose value is not null.
    """

    def __init__(self) -> None:
        self.filled_members = 0
        self.is_strict = True
        self.keeps_numbers = True
        self._tail = b""
        self._waiting: list[bytes] = []
        self._size = 0

    def feed(self, bare: bytes) -> None:
        """Take the next bytes outside strings."""
        self._waiting.append(bare)
        self._size += len(bare)
        if self._size >= _BLOCK_BYTES:
            self.finish()

    def finish(self) -> None:
        """Look at what was taken since the last look."""
        text = self._tail + b"".join(self._waiting)
        overlap = len(self._tail)
        self._waiting, self._size = [], 0
        self._tail = text[-_TAIL:]
        if not self.is_strict:
            return
        self.is_strict = not _has_foreign(text)
        self.keeps_numbers = self.keeps_numbers and not _has_changed_number(text)
        self.filled_members += text.count(b'":', max(0, overlap - 1))
        self.filled_members -= text.count(b'":null', max(0, overlap - 5))


def _has_foreign(text: bytes) -> bool:
    if any(mark in text for mark in _NO_LITERAL) or (b"n" in text and b"nan" in text):
        return True
    places = np.frombuffer(text, np.uint8)
    # Bit 5 tells "]" from "}".
    return bool(((places[:-1] == 44) & ((places[1:] & 0xDF) == 0x5D)).any())


def _has_changed_number(text: bytes) -> bool:
    places = np.frombuffer(text, np.uint8)
    digits = (places - np.uint8(48)) < 10
    if bool((((places[1:] | 0x20) == 101) & digits[:-1]).any()):
        return True
    if b"." not in text:
        return False
    return bool(
        _FOUR_ZEROS_FIFTEEN_DIGITS_OR_A_LAST_ZERO.search(text)
        or (_has_long_run(places) and _has_long_real(text))
    )


def _has_long_run(places: NDArray[np.uint8]) -> bool:
    """Whether 16 bytes in a row are digits, points or slashes."""
    run = (places - np.uint8(46)) < 12
    for width in (1, 2, 4, 8):
        run = run[width:] & run[:-width]
    return bool(run.any())


def _has_long_real(text: bytes) -> bool:
    reals = _REAL.findall(text)
    return any(len(real) > _EXACT_DIGITS + 1 for real in reals)
