"""The report of a build as markdown, the content of the artifact `dbt-<domain>`.

It answers first whether today's data can be used, then what is wrong, then what was built.
"""

from dataclasses import replace

from lakehouse.quality.run_facts import RunFacts
from lakehouse.reports.artifact_keys import models_key, test_key, tests_key
from lakehouse.reports.checks import OPEN, index_of
from lakehouse.reports.domain_view import build_domain_page
from lakehouse.reports.markdown import Markdown, code, text
from lakehouse.reports.page_frame import to_report
from lakehouse.reports.view_markdown import (
    chart_markdown,
    domain_url,
    joined,
    link_markdown,
    section_markdown,
    verdict_markdown,
)
from lakehouse.reports.views import Cell, Column, DomainPage, Grid, Section
from lakehouse.reports.wording import Wording


def build_markdown(
    facts: RunFacts, pages_url: str | None = None, wording: Wording | None = None
) -> Markdown:
    """Write the report of a domain's build.

    Args:
        facts: the run.
        pages_url: where the folder of all pages is served; None if nowhere.
        wording: another language than that of the facts.
    """
    words = wording or Wording.of(facts.language)
    page = build_domain_page(facts, words)
    base = domain_url(pages_url, facts.domain)
    parts = [
        f"# {text(page.frame.title)}",
        *verdict_markdown(page.verdict),
        text(page.headline, None),
        text(page.line, None),
        _links(page, base, words),
    ]
    for section in page.sections:
        is_look_at = section.title == words.say("section.look_at")
        shown = _with_keys(facts, section, words) if is_look_at else section
        parts += section_markdown(shown, base)
    parts += [chart_markdown(chart) for chart in page.charts]
    parts.append(text(page.lineage_summary, None) if page.lineage.nodes else "")
    keys = f"{code(tests_key(facts.domain))}, {code(models_key(facts.domain))}"
    parts.append(words.say("markdown.tests_table", key=keys))
    return joined(parts)


def _links(page: DomainPage, base: str | None, words: Wording) -> str:
    links = [link_markdown(link, base) for link in page.frame.links if base or "://" in link.href]
    if base:
        links.insert(0, link_markdown(to_report(words), base))
    return " · ".join(links)


def _with_keys(facts: RunFacts, section: Section, words: Wording) -> Section:
    """The section with the artifact of each test, where the UI has it."""
    if section.grid is None:
        return section
    index = index_of(facts)
    shown = [check for check in index.checks if check.status in OPEN]
    keys = [test_key(facts.domain, index.slug(check)) for check in shown]
    rows = tuple(
        (*row, Cell(key, "code")) for row, key in zip(section.grid.rows, keys, strict=False)
    )
    columns = (*section.grid.columns, Column(words.say("column.artifact")))
    return replace(section, grid=Grid(columns, rows, section.grid.note))
