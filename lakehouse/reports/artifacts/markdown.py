"""Markdown from values that must never become markup themselves.

Written for GitHub-flavoured markdown, which Prefect's UI shows without raw HTML. Everything that
comes from data goes through `text` or `code`; only what they return may go into a table.
"""

import re
from collections.abc import Sequence
from typing import NewType

Markdown = NewType("Markdown", str)

LONGEST_CELL = 200

_AUTOLINK = re.compile(r"://|www\.|mailto:|xmpp:|@", re.IGNORECASE)
_INLINE_MARKUP = re.compile(r"[\\`*\[\]~$]|(?<![^\W_])_|_(?![^\W_])")
_BLOCK_MARKUP = re.compile(r"[-+=#](?!\d)|\d+(?=[.)](?:\s|$))")
# Words, numbers and dates, in which nothing can be markup.
_PLAIN = re.compile(r"[^\W\d_](?:[^\W_]| )*|\d+(?:[.,-]\d+)*")
# `model`, `schema.model`, `"schema"."model"`: no underscore stands where it would open emphasis.
_NAME = re.compile(r'"?[^\W_]\w*"?(?:\."?[^\W_]\w*"?)*')
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(value: object, limit: int | None = LONGEST_CELL) -> str:
    """One line without control characters, cut at `limit` characters."""
    line = str(value)
    if not (line.isascii() and line.isprintable()):
        line = _CONTROL.sub(" ", _BIDI.sub("", line))
    line = " ".join(line.split())
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "…"


def text(value: object, limit: int | None = LONGEST_CELL) -> Markdown:
    """A value as running text: no character of it is markup. Addresses are shown as code."""
    line = plain(value, limit)
    if _PLAIN.fullmatch(line):
        return Markdown(line)
    if _AUTOLINK.search(line):
        return code(line, None)
    escaped = _INLINE_MARKUP.sub(lambda match: "\\" + match[0], line)
    if start := _BLOCK_MARKUP.match(escaped):
        at = start.end() if start[0].isdigit() else 0
        escaped = f"{escaped[:at]}\\{escaped[at:]}"
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Markdown(escaped)


def table_value(value: object) -> str:
    """A value of a table artifact, which one UI shows as it is and the other as markdown.

    Names stay themselves; another value is escaped where it would be markup.
    """
    line = plain(value, None)
    is_name = _NAME.fullmatch(line) and not _AUTOLINK.search(line)
    return line if is_name else text(line, None)


def code(value: object, limit: int | None = LONGEST_CELL) -> Markdown:
    """A value in a code span; empty for an empty value."""
    line = plain(value, limit)
    if not line:
        return Markdown("")
    # Not every renderer can tell a pipe after a backslash in a table from an escaped pipe.
    line = line.replace("\\|", "\\ |")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if line[0] == "`" or line[-1] == "`" else ""
    return Markdown(f"{fence}{pad}{line}{pad}{fence}")


def cell(value: object) -> Markdown:
    """A value of a row of data; what is missing or blank is said, so that it can be seen."""
    if value is None:
        return Markdown("*(empty)*")
    if isinstance(value, bool):
        return Markdown(str(value).lower())
    if isinstance(value, str) and not value.strip():
        return Markdown("*(blank)*")
    return text(value)


def code_block(content: str, language: str = "") -> Markdown:
    """Lines as they are; the fence is longer than any in the content."""
    longest = max((len(run) for run in re.findall("`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    lines = re.sub(r"\A(?:[ \t]*\r?\n)+", "", content).rstrip()
    return Markdown(f"{fence}{language}\n{lines}\n{fence}")


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[Markdown]],
    numeric: Sequence[str] = (),
) -> Markdown:
    """A table of ready cells; columns named in `numeric` stand to the right."""
    rules = ["---:" if header in numeric else "---" for header in headers]
    lines = [[text(header) for header in headers], [Markdown(rule) for rule in rules], *rows]
    return Markdown("\n".join(_line(line) for line in lines))


def _line(cells: Sequence[Markdown]) -> str:
    return "| " + " | ".join(one.replace("|", "\\|") for one in cells) + " |"
