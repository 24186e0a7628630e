"""What views show, as markdown: grids, sections, verdicts, charts, one check."""

from collections.abc import Sequence
from urllib.parse import quote, urljoin

from lakehouse.reports.artifacts.artifact_keys import folder_name
from lakehouse.reports.artifacts.markdown import Markdown, code, code_block, plain, table, text
from lakehouse.reports.views.view_types import Cell, Chart, Grid, Link, Section, TestView, Verdict
from lakehouse.reports.wording import Wording

LONGEST_TEXT = 2000
_LONGEST_CODE = 600
_LEVELS = "▁▂▃▄▅▆▇█"
_ARROW = "↗"
_URL_SIGNS = ":/?#@!$&'*+,;=%~"


def domain_url(pages_url: str | None, domain: str) -> str | None:
    """Address of a domain's pages, ending in a slash.

    Args:
        pages_url: where the folder of all pages is served; None if nowhere.
        domain: the domain.
    """
    return f"{pages_url.rstrip('/')}/{folder_name(domain)}/" if pages_url else None


def link_markdown(link: Link, base: str | None) -> Markdown:
    """A link; only its text where a relative one has no base.

    Prefect's UI shows the text of a link as it is written, without reading it as markdown: a text
    that has to be escaped stands in front of the link.
    """
    shown = text(link.text)
    if base is None and not link.href.startswith(("http://", "https://")):
        return shown
    address = urljoin(base or "", link.href)
    if not address.startswith(("http://", "https://")):
        return shown
    target = quote(address, safe=_URL_SIGNS)
    if shown != plain(link.text):
        return Markdown(f"{shown} [{_ARROW}]({target})")
    return Markdown(f"[{shown}]({target})")


def artifact_link(key: str) -> Markdown:
    """A link to the newest version of an artifact, on the UI that shows this markdown."""
    return Markdown(f"[{key}](/artifacts/key/{key})")


def verdict_markdown(verdict: Verdict) -> list[str]:
    """The verdict in bold, why, and the counts."""
    counts = " · ".join(text(tag.text) for tag in verdict.counts)
    return [f"**{text(verdict.say, None)}**", text(verdict.explain, None), counts]


def section_markdown(
    section: Section,
    base: str | None = None,
    *,
    as_list: bool = False,
    ends: Sequence[str] = (),
) -> list[str]:
    """A section below a heading of the second level; its table as a list, if it has long texts.

    Args:
        section: the section.
        base: see `grid_markdown`.
        as_list: whether the table becomes a list.
        ends: see `list_markdown`.
    """
    parts = [f"## {text(section.title)}"]
    if section.lines:
        parts.append("\n".join(f"- {text(line, None)}" for line in section.lines))
    if section.grid and as_list:
        parts += list_markdown(section.grid, base, ends)
    elif section.grid:
        parts += grid_markdown(section.grid, base)
    return [*parts, text(section.note, None)]


def grid_markdown(grid: Grid, base: str | None = None, most: int | None = None) -> list[str]:
    """A table and its note. Columns without any value are left out: cells do not wrap.

    Args:
        grid: the table.
        base: address that links are relative to; without it they are text.
        most: most rows shown.
    """
    shown = grid.rows[:most]
    kept = [at for at in range(len(grid.columns)) if any(row[at].text for row in shown)]
    columns = [grid.columns[at] for at in kept]
    heads = [column.text for column in columns]
    numeric = [column.text for column in columns if column.numeric]
    rows = [[cell_markdown(row[at], base) for at in kept] for row in shown]
    return [table(heads, rows, numeric), text(grid.note, None)]


def list_markdown(grid: Grid, base: str | None = None, ends: Sequence[str] = ()) -> list[str]:
    """The rows of a table as lines of a list, which wrap, and its note; a status stands in bold.

    Args:
        grid: the table; a number stands behind the head of its column.
        base: see `grid_markdown`.
        ends: what stands at the end of each line, such as a link; none, or one for each row.
    """
    lines = []
    for at, row in enumerate(grid.rows):
        parts = [
            f"{text(column.text)}: {cell_markdown(cell, base)}"
            if column.numeric
            else cell_markdown(cell, base)
            for column, cell in zip(grid.columns, row, strict=True)
            if cell.text
        ]
        if row[0].kind == "tag":
            parts[0] = f"**{parts[0]}**"
        lines.append(f"- {' · '.join([*parts, *ends[at : at + 1]])}")
    return ["\n".join(lines), text(grid.note, None)]


def cell_markdown(cell: Cell, base: str | None = None) -> Markdown:
    """A cell; what is missing is in italics, because of what a row fails in bold."""
    if cell.href and base:
        return link_markdown(Link(cell.text, cell.href), base)
    if not cell.text:
        return Markdown("")
    if cell.kind == "code":
        return code(cell.text, _LONGEST_CODE)
    shown = text(cell.text)
    if cell.kind == "strong":
        return Markdown(f"**{shown}**")
    return Markdown(f"*{shown}*") if cell.kind == "empty" else shown


def chart_markdown(chart: Chart) -> str:
    """The bars as signs of one line, oldest first, and what can be seen in words."""
    if not chart.bars:
        return ""
    highest = max((bar.value or 0 for bar in chart.bars), default=0)
    signs = "".join(
        "·" if bar.value is None else _LEVELS[round(bar.value / highest * 7) if highest else 0]
        for bar in chart.bars
    )
    return f"{text(chart.title)}: {signs} {text(chart.summary, None)}"


def check_heading(view: TestView) -> str:
    """Status, change and count in one line."""
    parts = [f"**{text(view.status.text)}**", text(view.change), text(view.count)]
    return " · ".join(part for part in parts if part)


def checks_markdown(view: TestView, words: Wording) -> str:
    """What it checks; empty where its title says that already."""
    return (
        f"{text(words.say('page.checks'))} {text(view.checks, LONGEST_TEXT)}" if view.checks else ""
    )


def todo_markdown(view: TestView, words: Wording) -> list[str]:
    """What to do, and what the budget says."""
    todo = f"**{text(words.say('page.what_to_do'))}** {text(view.todo, LONGEST_TEXT)}"
    budget = text(view.budget, None)
    return [todo if view.todo else "", f"**{budget}**" if view.over_budget and budget else budget]


def code_sections(view: TestView, words: Wording) -> list[str]:
    """Message, query and SQL of a check, each below its heading; empty ones are left out."""
    blocks: Sequence[tuple[str, str, str]] = (
        ("message", view.message, "text"),
        ("query", view.query, "sql"),
        ("sql", view.sql, "sql"),
    )
    parts = []
    for key, content, language in blocks:
        if content:
            parts += [f"## {text(words.say(f'page.{key}'))}", code_block(content, language)]
    return parts


def joined(parts: Sequence[str]) -> Markdown:
    """Paragraphs as a document, without empty ones."""
    return Markdown("\n\n".join(part for part in parts if part) + "\n")
