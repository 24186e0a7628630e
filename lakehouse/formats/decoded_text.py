"""A delivered file as UTF-8 text on disk, whatever encoding it came in."""

import codecs
from dataclasses import dataclass
from pathlib import Path

from lakehouse.formats.content_profile import CHUNK_BYTES, ContentProfile


class EncodingUnfit(Exception):
    """The file is not text in this encoding; says which byte and line show it."""


@dataclass(frozen=True)
class DecodedText:
    """UTF-8 text of a delivered file.

    Attributes:
        path: the delivered file itself where it is UTF-8 already, else a scratch copy.
        encoding: in which the delivered file was read.
        newlines: line feeds in `path`.
        ends_with_newline: whether the last line is complete.
        damaged: sequences that are not UTF-8 in a file that is UTF-8 otherwise.
    """

    path: Path
    encoding: str
    newlines: int
    ends_with_newline: bool
    damaged: int = 0

    @property
    def lines(self) -> int:
        """Lines, with the last one even where its line feed is missing."""
        return self.newlines + (0 if self.ends_with_newline else 1)


class TextDecoder:
    """Decodes one delivered file, once for each encoding that is asked for."""

    def __init__(self, file: Path, profile: ContentProfile, work: Path) -> None:
        """Scratch copies go to the folder `work`, which the caller removes."""
        self._file = file
        self._profile = profile
        self._work = work
        self._known: dict[str, DecodedText | EncodingUnfit] = {}

    def encodings(self, declared: tuple[str, ...]) -> tuple[str, ...]:
        """Encodings to try: the one that a byte order mark says, else those declared."""
        return (self._profile.bom,) if self._profile.bom else declared

    def text(self, encoding: str) -> DecodedText:
        """The whole file as UTF-8.

        Raises:
            EncodingUnfit: not every byte decodes.
        """
        if encoding not in self._known:
            try:
                self._known[encoding] = self._decode(encoding)
            except EncodingUnfit as unfit:
                self._known[encoding] = unfit
        known = self._known[encoding]
        if isinstance(known, EncodingUnfit):
            raise known
        return known

    def _decode(self, encoding: str) -> DecodedText:
        profile = self._profile
        is_utf8 = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
        damaged = 0
        if is_utf8 and not profile.is_utf8:
            damaged = self._damaged_utf8()
            if not damaged:
                _transcode(self._file, None, "utf-8")
        if is_utf8 or (profile.is_ascii and _extends_ascii(encoding)):
            newlines, complete = profile.newlines, profile.ends_with_newline
            return DecodedText(self._file, encoding, newlines, complete, damaged)
        target = self._work / f"{codecs.lookup(encoding).name}.txt"
        codec = "utf-16" if profile.bom in ("utf-16-le", "utf-16-be") else encoding
        newlines, complete = _transcode(self._file, target, codec)
        return DecodedText(target, encoding, newlines, complete)

    def _damaged_utf8(self) -> int:
        """Count invalid sequences, 0 unless valid ones of several bytes outnumber them.

        Text in a single-byte encoding has hardly any valid one. Reading a damaged UTF-8 file
        as such text would garble every accent in it without an error.
        """
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        valid = invalid = 0
        with self._file.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                text = decoder.decode(chunk, final=len(chunk) < CHUNK_BYTES)
                if not text.isascii():
                    broken = text.count("\ufffd")
                    invalid += broken
                    valid += len(text) - len(text.encode("ascii", "ignore")) - broken
        return invalid if valid > invalid else 0


def _extends_ascii(encoding: str) -> bool:
    ascii_bytes = bytes(range(128))
    try:
        return ascii_bytes.decode(encoding) == ascii_bytes.decode("ascii")
    except UnicodeError:
        return False


def _transcode(source: Path, target: Path | None, encoding: str) -> tuple[int, bool]:
    decoder = codecs.getincrementaldecoder(encoding)()
    newlines, complete = 0, False
    with source.open("rb") as file, (target or Path("/dev/null")).open("wb") as copy:
        while True:
            chunk = file.read(CHUNK_BYTES)
            try:
                text = decoder.decode(chunk, final=not chunk)
                copy.write(text.encode("utf-8"))
            except UnicodeDecodeError as error:
                line = newlines + 1 + error.object[: error.start].count(b"\n")
                byte = error.object[error.start]
                raise EncodingUnfit(
                    f"byte 0x{byte:02X} in line {line} is not {encoding}: {error.reason}"
                ) from None
            except UnicodeError as error:
                raise EncodingUnfit(f"not {encoding}: {type(error).__name__}") from None
            newlines += text.count("\n")
            complete = text.endswith("\n") if text else complete
            if not chunk:
                return newlines, complete
