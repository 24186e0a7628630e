"""Where the records are in a JSON document, by a path such as `$.data.items`.

Walks over the keys above the records and skips every other value without parsing it.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lakehouse.formats.declared_encoding import mark_length
from lakehouse.formats.json.structure import MAX_DEPTH, StructureScan, json_chunks

_WINDOW_BYTES = 1 << 16
_MOST_KEYS = 10_000
_BLANKS = b" \t\r\n"
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}]+")


class RecordsUnfound(Exception):
    """The document has no records at the path, or is damaged; says why and where."""


@dataclass(frozen=True)
class RecordsPlace:
    """Where the records are.

    Attributes:
        start: byte of the `[` of an array, or of the `{` of a single record.
        is_array: whether it is an array.
        above: the keys that were passed on the way, outermost first.
    """

    start: int
    is_array: bool
    above: tuple[tuple[str, frozenset[str]], ...] = ()


def path_steps(path: str) -> tuple[str, ...]:
    """Keys of a path: `$.data.items` gives data and items, `$` none.

    A path that does not begin with `$` is one key as it is.
    """
    if path == "$":
        return ()
    return tuple(path[2:].split(".")) if path.startswith("$.") else (path,)


def find_records(text: Path, path: str) -> RecordsPlace:
    """Find the array of records, or the single record, at a path.

    Args:
        text: document in UTF-8.
        path: such as `$.data.items`.

    Raises:
        RecordsUnfound: there is none.
    """
    walk = _Walk(text, mark_length(text))
    above = []
    for number, step in enumerate(path_steps(path)):
        parent = ".".join(("$", *path_steps(path)[:number]))
        if walk.next_byte() != b"{":
            raise RecordsUnfound(f"{parent} is no object, so {path} leads nowhere")
        above.append((step, walk.enter(step, parent)))
    opening = walk.next_byte()
    if opening not in (b"[", b"{"):
        found = "nothing" if not opening else "neither an array nor an object"
        raise RecordsUnfound(f"at {path} there is {found}")
    return RecordsPlace(walk.position, opening == b"[", tuple(above))


def check_rest(text: Path, place: RecordsPlace, end: int) -> None:
    """Make sure that the document is complete after its records.

    Args:
        text: document in UTF-8.
        place: of the records.
        end: byte after their closing bracket.

    Raises:
        RecordsUnfound: it is damaged, or brings the records twice.
    """
    walk = _Walk(text, end)
    for step, seen in reversed(place.above):
        while walk.next_byte() == b",":
            walk.position += 1
            key = walk.key()
            if key == step or key in seen:
                raise RecordsUnfound(f"the key {key} comes twice")
            walk.skip_value()
        walk.expect(b"}")
    if walk.next_byte():
        raise RecordsUnfound(f"more follows after the document's end, at byte {walk.position}")


class _Walk:
    """A place in the document, moved forward value by value."""

    def __init__(self, text: Path, position: int) -> None:
        self.position = position
        self._text = text
        self._keys = 0

    def next_byte(self) -> bytes:
        """Go to the next byte that is not blank; empty at the end."""
        for chunk in json_chunks(self._text, self.position):
            rest = chunk.lstrip(_BLANKS)
            self.position += len(chunk) - len(rest)
            if rest:
                return rest[:1]
        return b""

    def expect(self, mark: bytes) -> None:
        if self.next_byte() != mark:
            raise RecordsUnfound(
                f"the document is damaged or cut off at byte {self.position}: "
                f"{mark.decode()} should stand there"
            )
        self.position += 1

    def enter(self, step: str, parent: str) -> frozenset[str]:
        """Go to the value of a key of the object that begins here; the keys before it."""
        self.expect(b"{")
        seen: set[str] = set()
        while self.next_byte() != b"}":
            key = self.key()
            if key == step:
                return frozenset(seen)
            if key in seen:
                raise RecordsUnfound(f"the key {key} comes twice in {parent}")
            seen.add(key)
            self.skip_value()
            if self.next_byte() == b",":
                self.position += 1
        names = ", ".join(sorted(seen)[:20]) or "no keys"
        raise RecordsUnfound(f"{parent} has no key {step}; it has {names}")

    def key(self) -> str:
        """Read a key and its colon."""
        self._keys += 1
        self.next_byte()
        match = _STRING.match(self._window())
        if not match or self._keys > _MOST_KEYS:
            raise RecordsUnfound(f"no key can be read at byte {self.position}")
        try:
            key = str(json.loads(match[0]))
        except ValueError:
            raise RecordsUnfound(f"no key can be read at byte {self.position}") from None
        self.position += match.end()
        self.expect(b":")
        return key

    def skip_value(self) -> None:
        opening = self.next_byte()
        if opening in (b"{", b"[", b'"'):
            self.position = self._end_of_value(is_string=opening == b'"')
            return
        match = _SCALAR.match(self._window())
        if not match:
            raise RecordsUnfound(f"the document is damaged or cut off at byte {self.position}")
        self.position += match.end()

    def _end_of_value(self, *, is_string: bool) -> int:
        scan, position = StructureScan(), self.position
        for chunk in json_chunks(self._text, self.position):
            stretch = scan.feed(chunk)
            if is_string:
                ends = np.flatnonzero(stretch.outside)
            else:
                ends = stretch.brackets[stretch.depths == 0]
            if scan.deepest > MAX_DEPTH:
                break
            if len(ends):
                return position + int(ends[0]) + 1
            position += len(chunk)
        raise RecordsUnfound(
            f"the value at byte {self.position} never ends, or is nested too deeply: the document "
            "is cut off or damaged"
        )

    def _window(self) -> bytes:
        with self._text.open("rb") as file:
            file.seek(self.position)
            return file.read(_WINDOW_BYTES)
