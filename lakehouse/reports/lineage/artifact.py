"""The lineage as markdown for a UI that strips HTML: a picture as `data:`, and what is wrong."""

from base64 import b64encode
from collections.abc import Sequence

from lakehouse.quality.build_results import WORST_FIRST
from lakehouse.quality.run_facts import Lineage
from lakehouse.reports.artifacts.markdown import Markdown, plain, table, text
from lakehouse.reports.lineage.png import lineage_png
from lakehouse.reports.lineage.standing import LineageWords, mark_of

_SHARPEST = 2.0
_MOST_PIXELS = 3_000_000


def lineage_markdown(
    lineage: Lineage,
    *,
    title: str,
    summary: str,
    legend: Sequence[str],
    words: LineageWords | None = None,
) -> str:
    """Markdown of the picture, with a table of the nodes that do not pass, the worst first.

    Args:
        lineage: what to show.
        title: the heading.
        summary: what the picture shows, for those who cannot see it.
        legend: lines below the picture; may be empty.
        words: kinds, statuses and heads of the table in one language; English by default.
    """
    words = words or LineageWords()
    parts: list[str] = [f"# {text(title)}", text(summary, None)]
    if lineage.nodes:
        png = lineage_png(lineage, scale=_SHARPEST, words=words, most_pixels=_MOST_PIXELS)
        image = b64encode(png).decode("ascii")
        parts.append(f"![{_alternative(summary)}](data:image/png;base64,{image})")
    if lines := [f"- {text(line, None)}" for line in legend if plain(line)]:
        parts.append("\n".join(lines))
    if rows := _wrong(lineage, words):
        parts.append(table(words.columns, rows))
    return "\n\n".join(part for part in parts if part) + "\n"


def _alternative(summary: str) -> str:
    # `text` shows addresses as code, and in a code span a bracket would end the image's text.
    line = plain(summary, None)
    return "".join(f"\\{char}" if char in "\\[]!`*_<>&~$|" else char for char in line)


def _wrong(lineage: Lineage, words: LineageWords) -> list[list[Markdown]]:
    found = [
        (WORST_FIRST.index(node.status), node.name, node.id, node, node.status)
        for node in lineage.nodes
        if node.status and node.status != "pass"
    ]
    return [
        [
            text(node.name),
            text(words.kind(node.kind)),
            text(f"{mark_of(status)} {words.status(status)}"),
        ]
        for *_, node, status in sorted(found, key=lambda item: item[:3])
    ]
