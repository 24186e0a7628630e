"""The lines of a text in blocks, as Arrow arrays made without a copy for each line."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.declared_encoding import mark_length
from lakehouse.formats.decoded_text import DecodedText

BLOCK_BYTES = 2 << 20
LONGEST_LINE_BYTES = 1 << 20
_TAIL_BYTES = 1 << 16
# Blank lines, and the end-of-file character of CP/M and DOS.
_NOTHING = b" \t\r\n\x1a"


@dataclass(frozen=True)
class LineBlock:
    """Consecutive lines.

    Attributes:
        data: the bytes.
        offsets: int32; where each line begins in `data`, and the end of the last.
        first_line: number of the first line in the file, from 1.
    """

    data: bytes
    offsets: NDArray[np.int32]
    first_line: int

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def raw(self, place: int) -> bytes:
        """A line without its end."""
        line = self.data[self.offsets[place] : self.offsets[place + 1]]
        return line.removesuffix(b"\n").removesuffix(b"\r")

    def binary(self) -> "pa.Array[Any]":
        """All lines, with their ends."""
        buffers = [None, pa.py_buffer(self.offsets.tobytes()), pa.py_buffer(self.data)]
        return pa.Array.from_buffers(pa.binary(), len(self), buffers)


def line_blocks(text: DecodedText, skipped: int, *, where: str) -> Iterator[LineBlock]:
    """Read a text in blocks of about 2 MiB of whole lines.

    Args:
        text: in UTF-8; without any line feed its lines end in carriage returns.
        skipped: lines to leave out at the beginning.
        where: table and file, for messages.

    Raises:
        DeliveryRefused: a line is longer than 1 MiB.
    """
    line = 1
    for data in _whole_lines(text, _content_end(text.path), where):
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 10) + 1
        if not len(ends) or ends[-1] != len(data):
            ends = np.append(ends, len(data))
        offsets = np.concatenate(([0], ends)).astype(np.int32)
        left_out = min(max(skipped + 1 - line, 0), len(ends))
        if left_out < len(ends):
            yield LineBlock(data, offsets[left_out:], line + left_out)
        line += len(ends)


def _whole_lines(text: DecodedText, end: int, where: str) -> Iterator[bytes]:
    position = mark_length(text.path)
    rest = b""
    with text.path.open("rb") as file:
        file.seek(position)
        while position < end:
            chunk = file.read(min(BLOCK_BYTES, end - position))
            position += len(chunk)
            if not chunk:
                break
            if not text.newlines:
                chunk = chunk.replace(b"\r", b"\n")
            chunk = rest + chunk
            cut = chunk.rfind(b"\n") + 1
            rest = chunk[cut:]
            if cut:
                yield chunk[:cut]
            if len(rest) > LONGEST_LINE_BYTES:
                raise DeliveryRefused(
                    f"{where}: a line is longer than {LONGEST_LINE_BYTES >> 20} MiB. Is this a "
                    "text of fixed width, with a line for each record?"
                )
    if rest:
        yield rest


def _content_end(path: Path) -> int:
    """Byte after the last line that is not blank, without its line end."""
    position = path.stat().st_size
    with path.open("rb") as file:
        while position > 0:
            begin = max(0, position - _TAIL_BYTES)
            file.seek(begin)
            kept = len(file.read(position - begin).rstrip(_NOTHING))
            if kept:
                file.seek(begin + kept)
                padding = file.read(LONGEST_LINE_BYTES)
                return begin + kept + len(padding) - len(padding.lstrip(b" \t"))
            position = begin
    return 0
