"""The sheet of an owner as markdown, the content of the artifact `owner-<domain>-<group>`."""

from dataclasses import replace

from lakehouse.quality.run_facts import GroupFacts, RunFacts
from lakehouse.reports.artifacts.markdown import Markdown, code_block, text
from lakehouse.reports.artifacts.view_markdown import (
    artifact_link,
    chart_markdown,
    check_heading,
    checks_markdown,
    domain_url,
    grid_markdown,
    joined,
    link_markdown,
    section_markdown,
    todo_markdown,
    verdict_markdown,
)
from lakehouse.reports.views.owner_view import build_owner_sheet, owner_name, owner_wording
from lakehouse.reports.views.verdicts import owner_verdict
from lakehouse.reports.views.view_types import Link, OwnerSheet, TestView
from lakehouse.reports.wording import Wording

MOST_TESTS = 30
MOST_ROWS = 10
_MOST_LISTED = 200


def build_owner_markdown(
    facts: RunFacts, group: GroupFacts, pages_url: str | None = None
) -> Markdown:
    """Write the sheet of an owner.

    The first tests are told with their rows, the others by name; each has its own artifact.

    Args:
        facts: the run.
        group: one of its groups.
        pages_url: where the folder of all pages is served; None if nowhere.
    """
    sheet = build_owner_sheet(facts, group)
    words = Wording.of(sheet.frame.language)
    base = domain_url(pages_url, sheet.frame.subtitle)
    parts = [
        f"# {text(sheet.frame.title)} · {text(sheet.frame.subtitle)}",
        *verdict_markdown(sheet.verdict),
        _links(sheet, base),
        f"## {text(words.say('page.look_at'))}",
    ]
    if not sheet.look_at:
        parts.append(text(words.say("page.nothing_to_look_at")))
    for view in sheet.look_at[:MOST_TESTS]:
        parts += _check(view, words, base)
    parts.append(_listed(sheet.look_at[MOST_TESTS:], words))
    if sheet.not_loaded:
        parts += section_markdown(sheet.not_loaded, base)
    if sheet.resolved:
        parts.append(f"## {text(words.say('page.resolved'))}")
        parts.append(_listed(sheet.resolved, words))
    if sheet.flow.rows:
        parts.append(f"## {text(words.say('page.came_and_went'))}")
        parts += grid_markdown(sheet.flow, base)
    parts += [f"## {text(words.say('page.how_built'))}", text(sheet.lineage_summary, None)]
    for section in sheet.more:
        is_passing = section.title == words.say("section.passing")
        parts += section_markdown(section, base, as_list=is_passing)
    return joined(parts)


def owner_description(facts: RunFacts, group: GroupFacts) -> Markdown:
    """What the artifact says in a list of artifacts: whose it is, and the verdict."""
    words = owner_wording(facts, group)
    verdict = owner_verdict(facts, frozenset(group.nodes), words)
    return text(f"{owner_name(group, words)}: {verdict.say}")


def _links(sheet: OwnerSheet, base: str | None) -> str:
    links = [text(sheet.frame.when)]
    links += [link_markdown(link, base) for link in sheet.frame.links if base or "://" in link.href]
    return " · ".join(links)


def _check(view: TestView, words: Wording, base: str | None) -> list[str]:
    title = link_markdown(Link(view.title, view.href), base)
    parts = [
        f"### {title}",
        check_heading(view),
        checks_markdown(view, words),
        *todo_markdown(view, words),
        chart_markdown(view.chart),
    ]
    if view.message:
        parts.append(code_block(view.message, "text"))
    if view.rows:
        parts += grid_markdown(replace(view.rows, note=""), most=MOST_ROWS)
        more = len(view.rows.rows) - MOST_ROWS
        if more > 0:
            parts.append(text(words.say("list.more_lines", count=more)))
    parts.append(text(view.rows_note, None))
    parts.append(_more_in(view, words))
    return parts


def _listed(views: tuple[TestView, ...], words: Wording) -> str:
    lines = []
    for view in views[:_MOST_LISTED]:
        about = [text(part) for part in (view.title, view.change, view.count) if part]
        lines.append(f"- {' · '.join([*about, artifact_link(view.artifact)])}")
    if len(views) > _MOST_LISTED:
        lines.append(f"- {text(words.say('list.more_lines', count=len(views) - _MOST_LISTED))}")
    return "\n".join(lines)


def _more_in(view: TestView, words: Wording) -> str:
    return words.say("markdown.more_in", key=artifact_link(view.artifact))
