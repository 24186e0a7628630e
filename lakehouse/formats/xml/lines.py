"""Line numbers of the elements of an XML document, from its text.

libxml2 keeps an element's line in 16 bits, and the line on which its start tag ends. The text is
searched for start tags instead, in step with the parser, which has proven them well formed.
"""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

CHUNK_BYTES = 1 << 18
# A tag that the end of a chunk may have cut is looked at again; longer names have no lines.
_LONGEST_TAG = 4_096
_SPECIAL = re.compile(rb"<(?:!--|!\[CDATA\[|\?)")
_ENDS = {b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>"}
_ONE_BYTE = re.compile(r"(?i)utf-?8|(?:us-)?ascii|iso-?8859-?\d+|latin-?1|(?:windows-|cp)125\d")


def start_lines(path: Path, local_name: str, encoding: str) -> Iterator[int]:
    """Yield the line (from 1) of each start tag with this local name, in document order.

    Ends early where the encoding is unknown.

    Args:
        path: a well-formed document.
        local_name: of the elements, with any prefix.
        encoding: as the document declares it.
    """
    name = re.escape(local_name.encode())
    plain = re.compile(b"<" + name + rb"(?=[\s/>])")
    prefixed = re.compile(rb"<[^\s<>/!?:\"'=]+:" + name + rb"(?=[\s/>])")
    rest, line, closing = b"", 1, b""
    for chunk in _chunks(path, encoding):
        text = rest + chunk
        found, kept, closing = _starts(text, closing, plain, prefixed, b":" + local_name.encode())
        counted = 0
        for start in found:
            line += text.count(b"\n", counted, start)
            counted = start
            yield line
        line += text.count(b"\n", counted, kept)
        rest = text[kept:]


def _starts(
    text: bytes,
    closing: bytes,
    plain: re.Pattern[bytes],
    prefixed: re.Pattern[bytes],
    ending: bytes,
) -> tuple[list[int], int, bytes]:
    """Find start tags outside of comments, CDATA and instructions.

    Returns:
        Where they start; from where the text has to be looked at again with what follows it; and
        what closes the comment or the like that is open at the end.
    """
    found: list[int] = []
    place = 0
    while True:
        if closing:
            end = text.find(closing, place)
            if end < 0:
                return found, max(place, len(text) - len(closing) + 1), closing
            place, closing = end + len(closing), b""
        # Without one of these, the tags of the whole text are searched in one go.
        special = _SPECIAL.search(text, place) if b"<!" in text or b"<?" in text else None
        stop = special.start() if special else len(text)
        tags = [match.start() for match in plain.finditer(text, place, stop)]
        if text.find(ending, place, stop) >= 0:
            tags += [match.start() for match in prefixed.finditer(text, place, stop)]
            tags.sort()
        found += tags
        if special is None:
            return found, _incomplete(text, tags[-1] + 1 if tags else place), b""
        place, closing = special.end(), _ENDS[special[0]]


def _incomplete(text: bytes, place: int) -> int:
    """Where a tag begins that the end of `text` may have cut."""
    start = text.rfind(b"<", max(place, len(text) - _LONGEST_TAG))
    return len(text) if start < 0 else start


def _chunks(path: Path, encoding: str) -> Iterator[bytes]:
    with path.open("rb") as file:
        raw = iter(lambda: file.read(CHUNK_BYTES), b"")
        if _ONE_BYTE.fullmatch(encoding):
            yield from raw
            return
        try:
            for text in codecs.iterdecode(raw, encoding):
                yield text.encode()
        except (LookupError, UnicodeError):
            return
