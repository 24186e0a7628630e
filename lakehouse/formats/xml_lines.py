"""Line numbers of the elements of an XML document, from its text.

libxml2 keeps an element's line in 16 bits, and the line on which its start tag ends. The text is
searched for start tags instead, in step with the parser, which has proven them well formed.
"""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

CHUNK_BYTES = 1 << 18
# A name is looked for with the character after it, and names may be cut by a chunk's end.
_LONGEST_TAG = 4_096
_ENDS = {b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>"}
_ONE_BYTE = re.compile(r"(utf-?8|us-ascii|ascii|iso-?8859-?\d+|latin-?1|windows-125\d|cp125\d)", re.I)


def start_lines(path: Path, local_name: str, encoding: str) -> Iterator[int]:
    """Yield the line (from 1) of each start tag with this local name, in document order.

    Ends early where the encoding is unknown.

    Args:
        path: a well-formed document.
        local_name: of the elements, with any prefix.
        encoding: as the document declares it.
    """
    name = re.escape(local_name.encode())
    tokens = re.compile(
        rb"<!--|<!\[CDATA\[|<\?|<(?:[^\s<>/!?:\"'=]+:)?" + name + rb"(?=[\s/>])"
    )
    rest, line, closing = b"", 1, b""
    for chunk in _chunks(path, encoding):
        text, place, counted = rest + chunk, 0, 0
        while True:
            if closing:
                end = text.find(closing, place)
                if end < 0:
                    kept = max(place, len(text) - len(closing) + 1)
                    break
                place, closing = end + len(closing), b""
            token = tokens.search(text, place)
            if token is None:
                kept = _incomplete(text, place)
                break
            place = token.end()
            closing = _ENDS.get(token[0], b"")
            if not closing:
                line += text.count(b"\n", counted, token.start())
                counted = token.start()
                yield line
        kept = max(kept, counted)
        line += text.count(b"\n", counted, kept)
        rest = text[kept:]


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
