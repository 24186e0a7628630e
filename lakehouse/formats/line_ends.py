"""Files whose lines end in several ways, which DuckDB refuses: made to end in one way."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.csv.parser import LineEndsMixed
from lakehouse.formats.record_scan import RecordGrammar, split_lines, whole_lines

Parsed = TypeVar("Parsed")


def parse_one_line_end(
    parse: Callable[[Path], Parsed], text: Path, copy: Path, grammar: RecordGrammar, where: str
) -> tuple[Parsed, Path]:
    """Parse a text, and once more with uniform line ends where they are mixed.

    Line ends inside quotes are content and stay as they are.

    Args:
        parse: raises LineEndsMixed.
        text: UTF-8 text.
        copy: where the uniform text goes if it is needed.
        grammar: how records are told apart.
        where: table and file, for messages.

    Returns:
        What `parse` gave, and the file that it was given.

    Raises:
        DeliveryRefused: a carriage return stands alone outside quotes.
    """
    try:
        return parse(text), text
    except LineEndsMixed:
        lone = unify_line_ends(text, copy, grammar)
    try:
        return parse(copy), copy
    except LineEndsMixed:
        place = f"line {lone} has" if lone else "there is"
        raise DeliveryRefused(
            f"{where}: {place} a carriage return that ends no line and stands outside quotes. "
            f"Ask the sender to quote such values."
        ) from None


def unify_line_ends(text: Path, copy: Path, grammar: RecordGrammar) -> int | None:
    """Copy a text with a plain line feed at the end of every record.

    Returns:
        The first line with a carriage return inside an unquoted stretch, if any.
    """
    quoted, number, lone = False, 0, None
    with copy.open("wb") as target:
        for lines in whole_lines(text):
            for line in split_lines(lines):
                number += 1
                was_quoted = quoted
                if quoted or grammar.quote in line:
                    quoted = grammar.ends_quoted(line, quoted)
                ends = not quoted and line.endswith(b"\r\n")
                uniform = line[:-2] + b"\n" if ends else line
                if lone is None and not (quoted or was_quoted) and b"\r" in uniform:
                    lone = number
                target.write(uniform)
    return lone
