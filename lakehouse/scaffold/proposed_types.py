"""Types for columns of text, proposed from their first rows, and rather too wide than wrong.

A code stays text: leading zeros, more than 15 digits, and anything mixed. What is proposed is
written down for a person to check; a load never guesses.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lakehouse.scaffold.sample import SampledColumn

DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y/%m/%d")
TIMESTAMP_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%d/%m/%Y %H:%M",
)
_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,14})")
_NUMBERS = {
    (".", None): re.compile(r"[+-]?(?:0|[1-9][0-9]{0,14})(?:\.([0-9]+))?"),
    (",", None): re.compile(r"[+-]?(?:0|[1-9][0-9]{0,14})(?:,([0-9]+))?"),
    (",", "."): re.compile(r"[+-]?(?:0|[1-9][0-9]{0,2}(?:\.[0-9]{3})*)(?:,([0-9]+))?"),
    (".", ","): re.compile(r"[+-]?(?:0|[1-9][0-9]{0,2}(?:,[0-9]{3})*)(?:\.([0-9]+))?"),
}
_LARGEST_INTEGER = 2**31


@dataclass(frozen=True)
class Proposal:
    """Types of the columns, and the dialect under which they hold.

    Attributes:
        types: of each column.
        dialect: decimal mark, digit groups and formats of dates that differ from the defaults.
        doubts: what the sample left open.
    """

    types: Mapping[str, str]
    dialect: Mapping[str, Any] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


def propose_types(columns: Sequence[SampledColumn]) -> Proposal:
    """Find for each column a type that all of its cells have, and one dialect for them all."""
    cells = {
        column.name: [text.strip() for text in column.texts if text and text.strip()]
        for column in columns
    }
    open_columns = {c.name: cells[c.name] for c in columns if c.data_type is None and cells[c.name]}
    types = {c.name: c.data_type or "varchar" for c in columns}
    doubts: list[str] = []
    dialect: dict[str, Any] = {}
    for kind, formats, default in (
        ("timestamp", TIMESTAMP_FORMATS, "%Y-%m-%d %H:%M:%S"),
        ("date", DATE_FORMATS, "%Y-%m-%d"),
    ):
        chosen, members = _common_format(open_columns, formats)
        if chosen is None:
            continue
        if chosen != default:
            dialect[f"{kind}_format"] = chosen
        types.update(dict.fromkeys(members, kind))
        doubts += _doubtful_order(open_columns, members, chosen)
        for name in members:
            del open_columns[name]
    mark = _number_marks(open_columns)
    if mark != (".", None):
        dialect["decimal"] = mark[0]
        if mark[1]:
            dialect["thousands"] = mark[1]
    for name, texts in open_columns.items():
        types[name] = _number_type(texts, mark) or _word_type(texts)
    return Proposal(types, dialect, tuple(doubts))


def _common_format(
    cells: Mapping[str, Sequence[str]], formats: Sequence[str]
) -> tuple[str | None, list[str]]:
    """The format that all cells of most columns have, and those columns."""
    best: tuple[str | None, list[str]] = (None, [])
    for one in formats:
        members = [name for name, texts in cells.items() if all(_parses(t, one) for t in texts)]
        if len(members) > len(best[1]):
            best = (one, members)
    return best


def _parses(text: str, date_format: str) -> bool:
    try:
        found = datetime.strptime(text, date_format)
    except ValueError:
        return False
    return found.strftime(date_format) == text or "%f" in date_format


def _doubtful_order(
    cells: Mapping[str, Sequence[str]], members: Sequence[str], chosen: str
) -> list[str]:
    if not chosen.startswith("%d/%m"):
        return []
    other = chosen.replace("%d/%m", "%m/%d")
    doubtful = [name for name in members if all(_parses(text, other) for text in cells[name])]
    if len(doubtful) < len(members):
        return []
    return [f"day and month cannot be told apart in {', '.join(doubtful)}: day first was taken"]


def _number_marks(cells: Mapping[str, Sequence[str]]) -> tuple[str, str | None]:
    """Decimal mark and digit group separator under which most columns are numbers."""

    def columns_of(mark: tuple[str, str | None]) -> int:
        pattern = _NUMBERS[mark]
        return sum(all(pattern.fullmatch(text) for text in texts) for texts in cells.values())

    return max(_NUMBERS, key=columns_of)


def _number_type(texts: Sequence[str], mark: tuple[str, str | None]) -> str | None:
    if all(_INTEGER.fullmatch(text) for text in texts):
        largest = max(abs(int(text)) for text in texts)
        return "integer" if largest < _LARGEST_INTEGER else "bigint"
    matches = [_NUMBERS[mark].fullmatch(text) for text in texts]
    if not all(matches):
        return None
    scale = max(len(match[1] or "") for match in matches if match)
    if not scale and mark[1]:
        digits = [int(text.replace(mark[1], "")) for text in texts]
        return "integer" if max(map(abs, digits)) < _LARGEST_INTEGER else "bigint"
    return f"decimal(18,{max(2, scale)})" if scale <= 6 else "double"


def _word_type(texts: Sequence[str]) -> str:
    is_boolean: Callable[[str], bool] = lambda text: text.lower() in ("true", "false")  # noqa: E731
    return "boolean" if all(map(is_boolean, texts)) else "varchar"
