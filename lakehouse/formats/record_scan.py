"""Where each record of delimited text starts, found without parsing its fields.

Only files need this whose records and lines do not pair off: line feeds inside quotes, blank
lines, rejected records. It also tells when the parser lost or invented records.
"""

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.formats.source_lines import LineBreaks

# Larger chunks are mapped anew by the allocator each time, which costs more than the scan.
CHUNK_BYTES = 1 << 16
_BLANK_LINE = re.compile(rb"\n\r?\n")


@dataclass(frozen=True)
class RecordGrammar:
    """How records are told apart, as DuckDB does it.

    Attributes:
        delimiter: in UTF-8.
        quote: opens at the start of a field, after spaces if any; doubled inside quotes.
        single_column: then a blank line is a record, else it is none.
        carriage_return_only: lines end in a lone carriage return.
    """

    delimiter: bytes
    quote: bytes
    single_column: bool = False
    carriage_return_only: bool = False

    def ends_quoted(self, line: bytes, quoted: bool) -> bool:
        """Whether a quote is still open after `line`; `quoted` says so of its beginning."""
        place, delimiter, quote = 0, self.delimiter, self.quote
        while True:
            if quoted:
                place = line.find(quote, place)
                if place < 0:
                    return True
                place += len(quote)
                if line.startswith(quote, place):
                    place += len(quote)
                    continue
                quoted = False
            else:
                while line.startswith(b" ", place) and delimiter != b" ":
                    place += 1
                if line.startswith(quote, place):
                    quoted, place = True, place + len(quote)
                    continue
            place = line.find(delimiter, place)
            if place < 0:
                return False
            place += len(delimiter)


@dataclass(frozen=True)
class Span:
    """A record: physical line (1-based) on which it starts, and its bytes [start, end)."""

    line: int
    start: int
    end: int


@dataclass(frozen=True)
class RecordScan:
    """Records below the header.

    Attributes:
        accepted: records that are not rejected.
        breaks: their line numbers.
        rejected: by start byte; only those that do start a record.
        open_quote: line of a record whose quote is never closed.
        oversized: line of the first record beyond the size asked about.
    """

    accepted: int
    breaks: LineBreaks
    rejected: dict[int, Span]
    open_quote: int | None
    oversized: int | None


def scan_records(
    text: Path,
    grammar: RecordGrammar,
    *,
    header_lines: int,
    rejected: Sequence[int],
    record_limit: int,
) -> RecordScan:
    """Find the line of every record.

    Args:
        text: file in UTF-8.
        grammar: how its records are told apart.
        header_lines: physical lines to skip.
        rejected: ascending byte positions (0-based) of records that the parser rejected.
        record_limit: bytes; a longer record is reported.
    """
    walk = _Walk(grammar, header_lines, rejected, record_limit)
    for lines in whole_lines(text, grammar.carriage_return_only):
        walk.take(lines)
    walk.end_record()
    return RecordScan(
        accepted=walk.ordinal,
        breaks=LineBreaks.from_steps(walk.ordinals, walk.offsets),
        rejected=walk.spans,
        open_quote=walk.started.line if walk.quoted and walk.started else None,
        oversized=walk.oversized,
    )


@dataclass
class _Walk:
    grammar: RecordGrammar
    header_lines: int
    rejected: Sequence[int]
    record_limit: int
    line: int = 0
    position: int = 0
    ordinal: int = 0
    quoted: bool = False
    next_reject: int = 0
    started: Span | None = None
    started_is_reject: bool = False
    oversized: int | None = None
    spans: dict[int, Span] = field(default_factory=dict)
    ordinals: "array[int]" = field(default_factory=lambda: array("q"))
    offsets: "array[int]" = field(default_factory=lambda: array("q"))

    def take(self, lines: bytes) -> None:
        """Walk over whole lines."""
        if self._pairs_off(lines):
            self.end_record()
            count = lines.count(b"\n") + (not lines.endswith(b"\n"))
            self._accept(count)
            self.line += count
            self.position += len(lines)
            return
        for line in split_lines(lines):
            self._take_line(line)

    def end_record(self) -> None:
        """Close the record under way, if any."""
        record = self.started
        if record is None:
            return
        if self.position - record.start > self.record_limit and self.oversized is None:
            self.oversized = record.line
        if self.started_is_reject:
            self.spans[record.start] = Span(record.line, record.start, self.position)
        if not self.quoted:
            self.started = None

    def _pairs_off(self, lines: bytes) -> bool:
        end = self.position + len(lines)
        blank = not self.grammar.single_column and (
            lines.startswith((b"\n", b"\r\n")) or _BLANK_LINE.search(lines) is not None
        )
        return not (
            blank
            or self.quoted
            or self.line < self.header_lines
            or self.grammar.quote in lines
            or (self.next_reject < len(self.rejected) and self.rejected[self.next_reject] < end)
        )

    def _accept(self, count: int) -> None:
        offset = self.line + 1 - self.ordinal
        if not self.offsets or self.offsets[-1] != offset:
            self.ordinals.append(self.ordinal)
            self.offsets.append(offset)
        self.ordinal += count

    def _take_line(self, line: bytes) -> None:
        if self.line >= self.header_lines:
            if not self.quoted:
                self.end_record()
                if self.grammar.single_column or line.strip(b"\r\n"):
                    self._start()
            if self.quoted or self.grammar.quote in line:
                self.quoted = self.grammar.ends_quoted(line, self.quoted)
        self.line += 1
        self.position += len(line)

    def _start(self) -> None:
        self.started = Span(self.line + 1, self.position, self.position)
        while (
            self.next_reject < len(self.rejected)
            and self.rejected[self.next_reject] < self.position
        ):
            self.next_reject += 1
        self.started_is_reject = (
            self.next_reject < len(self.rejected)
            and self.rejected[self.next_reject] == self.position
        )
        if not self.started_is_reject:
            self._accept(1)


def split_lines(lines: bytes) -> Iterator[bytes]:
    """Split at line feeds only, which stay."""
    start = 0
    while start < len(lines):
        end = lines.find(b"\n", start) + 1 or len(lines)
        yield lines[start:end]
        start = end


def whole_lines(text: Path, carriage_return_only: bool = False) -> Iterator[bytes]:
    """Read a file in chunks of about 64 KiB that end at a line's end.

    Args:
        text: file.
        carriage_return_only: give each carriage return as a line feed.
    """
    rest = b""
    with text.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            if carriage_return_only:
                chunk = chunk.replace(b"\r", b"\n")
            cut = chunk.rfind(b"\n") + 1
            if not cut:
                rest += chunk
                continue
            yield rest + chunk[:cut]
            rest = chunk[cut:]
    if rest:
        yield rest
