"""Where strings, brackets and record ends are in JSON text, without parsing it.

Works on whole chunks with numpy: whether a byte is inside a string is the parity of the quotes
before it, computed 64 bytes at a time by prefix XOR as simdjson does (Langdale and Lemire,
"Parsing gigabytes of JSON per second", 2019).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Larger masks are mapped anew by the allocator each time, which costs more than the scan.
CHUNK_BYTES = 1 << 16
# What no honest sender nests. DuckDB ends the process on 200,000 levels.
MAX_DEPTH = 200

_QUOTE, _NEWLINE, _COMMA = 34, 10, 44
# Bit 5 tells "[" from "{" and "]" from "}".
_OPEN, _CLOSE, _ANY_BRACKET = 0x5B, 0x5D, 0xDF
_NOTHING = b"\0 \t\r\n"
_SHIFTS = tuple(np.uint64(shift) for shift in (1, 2, 4, 8, 16, 32))
_TOP_BIT = np.uint64(63)


@dataclass(frozen=True)
class Stretch:
    """A chunk of JSON text with its structure.

    Attributes:
        data: bytes as delivered.
        outside: 1 where the byte is no part of a string (its closing quote counts as outside).
        brackets: places of the brackets outside strings.
        depths: depth after each of them.
        depth_before: depth at the beginning of the chunk.
    """

    data: NDArray[np.uint8]
    outside: NDArray[np.uint8]
    brackets: NDArray[np.int64]
    depths: NDArray[np.int64]
    depth_before: int

    def bare(self, end: int | None = None) -> bytes:
        """The bytes outside strings without white space; each string leaves its closing quote.

        Args:
            end: place of the chunk at which to stop.
        """
        return (self.data[:end] * self.outside[:end]).tobytes().translate(None, _NOTHING)

    def newlines(self) -> NDArray[np.int64]:
        """Places of all line feeds."""
        return np.flatnonzero(self.data == _NEWLINE)

    def commas_at(self, depth: int) -> NDArray[np.int64]:
        """Places of the commas outside strings at a depth."""
        commas: NDArray[np.int64] = np.flatnonzero(
            (self.data == _COMMA) & self.outside.view(np.bool_)
        )
        is_there = np.concatenate(([self.depth_before], self.depths)) == depth
        starts = np.concatenate(([0], self.brackets))[is_there]
        ends = np.concatenate((self.brackets, [len(self.data)]))[is_there]
        first, after = np.searchsorted(commas, starts), np.searchsorted(commas, ends)
        found: NDArray[np.int64] = commas[first[after > first]]
        if (after - first > 1).any():
            found = commas[self.depth_at(commas) == depth]
        return found

    def depth_at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Depth at each of these places, none of them a bracket."""
        steps = np.searchsorted(self.brackets, places)
        return np.concatenate(([self.depth_before], self.depths))[steps]


class StructureScan:
    """Follows strings and depth over consecutive chunks.

    Attributes:
        depth: brackets that are open.
        deepest: greatest depth so far.
        in_string: whether the last byte was inside a string.
    """

    def __init__(self) -> None:
        self.depth = 0
        self.deepest = 0
        self.in_string = False

    def feed(self, chunk: bytes) -> Stretch:
        """Take the next chunk, which ends in no unpaired backslash."""
        text = chunk
        if b"\\" in chunk:
            text = chunk.replace(b"\\\\", b"__").replace(b'\\"', b"__")
        plain = np.frombuffer(text, np.uint8)
        outside = self._outside(plain)
        folded = plain & _ANY_BRACKET
        steps = (folded == _OPEN).view(np.int8) - (folded == _CLOSE).view(np.int8)
        steps *= outside.view(np.int8)
        brackets = np.flatnonzero(steps.view(np.bool_))
        before = self.depth
        depths = np.cumsum(steps[brackets], dtype=np.int64) + before
        if len(depths):
            self.depth = int(depths[-1])
            self.deepest = max(self.deepest, int(depths.max()))
        return Stretch(np.frombuffer(chunk, np.uint8), outside, brackets, depths, before)

    def _outside(self, plain: NDArray[np.uint8]) -> NDArray[np.uint8]:
        bits = np.packbits(plain == _QUOTE, bitorder="little")
        words = np.zeros(-(-len(bits) // 8), np.uint64)
        words.view(np.uint8)[: len(bits)] = bits
        for shift in _SHIFTS:
            words ^= words << shift
        odd = np.bitwise_xor.accumulate(words >> _TOP_BIT)
        carried = np.empty_like(odd)
        carried[0] = 0
        carried[1:] = odd[:-1]
        carried ^= np.uint64(self.in_string)
        words ^= np.uint64(0) - carried
        inside = np.unpackbits(words.view(np.uint8), count=len(plain), bitorder="little")
        if len(plain):
            self.in_string = bool(inside[-1])
        return inside ^ np.uint8(1)


def json_chunks(text: Path, start: int = 0) -> Iterator[bytes]:
    """Read a file in chunks that end in no unpaired backslash.

    Args:
        text: file in UTF-8.
        start: byte to begin at.
    """
    held = b""
    with text.open("rb") as file:
        file.seek(start)
        while chunk := file.read(CHUNK_BYTES):
            chunk = held + chunk
            unpaired = (len(chunk) - len(chunk.rstrip(b"\\"))) % 2
            held = chunk[-1:] if unpaired else b""
            if chunk := chunk[: len(chunk) - unpaired]:
                yield chunk
    if held:
        yield held
