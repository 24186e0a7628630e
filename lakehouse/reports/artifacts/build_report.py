"""The report of a build as markdown, the content of the artifact `dbt-<domain>`.

It answers first whether today's data can be used, then what is wrong, then what was built.
"""

from dataclasses import replace

from lakehouse.quality.run_facts import RunFacts
from lakehouse.reports.artifacts.artifact_keys import (
    lineage_key,
    models_key,
    owner_key,
    test_key,
    tests_key,
)
from lakehouse.reports.artifacts.markdown import Markdown, text
from lakehouse.reports.artifacts.view_markdown import (
    artifact_link,
    chart_markdown,
    domain_url,
    joined,
    link_markdown,
    section_markdown,
    verdict_markdown,
)
from lakehouse.reports.checks import OPEN, index_of
from lakehouse.reports.views.domain_view import build_domain_page
from lakehouse.reports.views.owner_view import owner_slug
from lakehouse.reports.views.page_frame import to_report
from lakehouse.reports.views.verdicts import domain_verdict
from lakehouse.reports.views.view_types import DomainPage, Grid, Section
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
    listed = {
        words.say("section.look_at"): _test_links(facts),
        words.say("section.owners"): _owner_links(facts),
    }
    for section in page.sections:
        ends = listed.get(section.title)
        if ends is None:
            parts += section_markdown(section, base)
        else:
            shown = _without(section, words.say("column.test"), words.say("column.group"))
            parts += section_markdown(shown, base, as_list=True, ends=ends)
    parts += [chart_markdown(chart) for chart in page.charts]
    if page.lineage.nodes:
        picture = artifact_link(lineage_key(facts.domain))
        parts.append(f"{text(page.lineage_summary, None)} {picture}")
    keys = (tests_key(facts.domain), models_key(facts.domain))
    parts.append(words.say("markdown.tests_table", key=", ".join(map(artifact_link, keys))))
    return joined(parts)


def build_description(facts: RunFacts) -> Markdown:
    """What the artifact says in a list of artifacts: the verdict, and how many of each status."""
    verdict = domain_verdict(facts, Wording.of(facts.language))
    counts = " · ".join(tag.text for tag in verdict.counts if tag.tone != "skip")
    return text(f"{verdict.say} {counts}".strip(), None)


def _links(page: DomainPage, base: str | None, words: Wording) -> str:
    links = [link_markdown(link, base) for link in page.frame.links if base or "://" in link.href]
    if base:
        links.insert(0, link_markdown(to_report(words), base))
    return " · ".join(links)


def _test_links(facts: RunFacts) -> list[str]:
    index = index_of(facts)
    shown = [check for check in index.checks if check.status in OPEN]
    return [artifact_link(test_key(facts.domain, index.slug(check))) for check in shown]


def _owner_links(facts: RunFacts) -> list[str]:
    return [
        artifact_link(owner_key(facts.domain, owner_slug(facts, group.name)))
        for group in facts.groups
    ]


def _without(section: Section, *heads: str) -> Section:
    """The section without the columns that the link at the end of a line makes needless."""
    if section.grid is None:
        return section
    columns = section.grid.columns
    kept = [at for at, column in enumerate(columns) if column.text not in heads]
    rows = tuple(tuple(row[at] for at in kept) for row in section.grid.rows)
    shown = Grid(tuple(columns[at] for at in kept), rows, section.grid.note)
    return replace(section, grid=shown)
