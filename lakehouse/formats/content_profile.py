"""What one pass over a delivered file's bytes tells, before anything parses it."""

import codecs
import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CHUNK_BYTES = 1 << 20

ByteOrderMark = Literal["utf-8-sig", "utf-16-le", "utf-16-be"]

_MARKS: tuple[tuple[bytes, ByteOrderMark], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class ContentProfile:
    """Identity and text properties of a file's content.

    Attributes:
        size: bytes.
        sha256: of the bytes as delivered, in hexadecimal.
        newlines: line feeds of the text (of the decoded text for UTF-16).
        ends_with_newline: whether the last line is complete.
        is_utf8: whether every byte decodes as UTF-8; ASCII is UTF-8.
        is_ascii: whether every byte is below 128.
        bom: encoding that a byte order mark announces.
        is_empty: no bytes, or nothing but a byte order mark and white space.
    """

    size: int
    sha256: str
    newlines: int
    ends_with_newline: bool
    is_utf8: bool
    is_ascii: bool
    bom: ByteOrderMark | None
    is_empty: bool


def profile_content(path: Path) -> ContentProfile:
    """Read a file once, in chunks of 1 MiB, and describe its content.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    size = 0
    is_ascii = True
    text: _Utf8Text | _Utf16Text | None = None
    hashed: Future[None] | None = None
    # Hashing lets other threads run, so that it costs nothing beside reading and counting.
    with path.open("rb") as file, ThreadPoolExecutor(max_workers=1) as hasher:
        while chunk := file.read(CHUNK_BYTES):
            if text is None:
                text = _text_of(chunk)
            if hashed:
                hashed.result()
            hashed = hasher.submit(digest.update, chunk)
            size += len(chunk)
            is_ascii = is_ascii and chunk.isascii()
            text.feed(chunk)
    text = text or _text_of(b"")
    return ContentProfile(
        size=size,
        sha256=digest.hexdigest(),
        newlines=text.newlines,
        ends_with_newline=text.ends_with_newline,
        is_utf8=text.is_utf8(),
        is_ascii=is_ascii,
        bom=text.bom,
        is_empty=text.is_empty,
    )


class _Utf8Text:
    """Counts of bytes whose line feed is the byte 0x0A: UTF-8 and every single-byte encoding."""

    def __init__(self, bom: ByteOrderMark | None) -> None:
        self.bom = bom
        self.newlines = 0
        self.ends_with_newline = False
        self.is_empty = True
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._valid = True
        self._pending = False

    def feed(self, chunk: bytes) -> None:
        self.newlines += chunk.count(b"\n")
        self.ends_with_newline = chunk.endswith(b"\n")
        if self.is_empty:
            self.is_empty = not chunk.removeprefix(codecs.BOM_UTF8).strip()
        if self._valid and (self._pending or not chunk.isascii()):
            try:
                self._decoder.decode(chunk)
            except UnicodeDecodeError:
                self._valid = False
            self._pending = bool(self._decoder.getstate()[0])

    def is_utf8(self) -> bool:
        return self._valid and not self._pending


class _Utf16Text:
    """Counts of decoded text, as 0x0A may be half of another character there."""

    def __init__(self, bom: ByteOrderMark) -> None:
        self.bom: ByteOrderMark | None = bom
        self.newlines = 0
        self.ends_with_newline = False
        self.is_empty = True
        self._decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")

    def feed(self, chunk: bytes) -> None:
        text = self._decoder.decode(chunk)
        self.newlines += text.count("\n")
        if text:
            self.ends_with_newline = text.endswith("\n")
        if self.is_empty:
            self.is_empty = not text.strip()

    def is_utf8(self) -> bool:
        return False


def _text_of(first_chunk: bytes) -> _Utf8Text | _Utf16Text:
    bom = next((name for mark, name in _MARKS if first_chunk.startswith(mark)), None)
    return _Utf8Text(bom) if bom is None or bom == "utf-8-sig" else _Utf16Text(bom)
