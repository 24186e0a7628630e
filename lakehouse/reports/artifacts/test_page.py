"""The page of one check as markdown, the content of the artifact `dbt-test-<domain>-<slug>`."""

from lakehouse.quality.build_results import NodeResult
from lakehouse.quality.run_facts import RunFacts
from lakehouse.reports.artifacts.markdown import Markdown, code, text
from lakehouse.reports.artifacts.view_markdown import (
    chart_markdown,
    check_heading,
    checks_markdown,
    code_sections,
    domain_url,
    grid_markdown,
    joined,
    link_markdown,
    todo_markdown,
)
from lakehouse.reports.views.test_view import build_test_page_view
from lakehouse.reports.views.view_types import Link, TestPage, TestView
from lakehouse.reports.wording import Wording

_AS_CODE = ("table", "column", "declared_in")


def build_test_markdown(
    facts: RunFacts, test: NodeResult, pages_url: str | None = None
) -> Markdown:
    """Write the page of a check.

    Args:
        facts: the run.
        test: a data test, a unit test or the freshness of a source.
        pages_url: where the folder of all pages is served; None if nowhere.
    """
    page = build_test_page_view(facts, test)
    view, words = page.test, Wording.of(page.frame.language)
    base = domain_url(pages_url, page.frame.subtitle)
    parts = [
        f"# {text(view.title)}",
        check_heading(view),
        checks_markdown(view, words),
        *todo_markdown(view, words),
        chart_markdown(view.chart),
        _facts(view, words),
    ]
    if view.rows or view.rows_note:
        parts += [f"## {text(words.say('page.failing_rows'))}", text(view.rows_note, None)]
    if view.rows:
        parts += grid_markdown(view.rows)
    if view.incidents:
        parts += [f"## {text(words.say('page.earlier_incidents'))}"]
        parts += grid_markdown(view.incidents)
    parts += code_sections(view, words)
    parts.append(_where(page, base, words))
    return joined(parts)


def test_description(facts: RunFacts, test: NodeResult) -> Markdown:
    """What the artifact says in a list of artifacts: status, title, how much fails."""
    view = build_test_page_view(facts, test).test
    return text(" · ".join(part for part in (view.status.text, view.title, view.count) if part))


def _facts(view: TestView, words: Wording) -> str:
    as_code = {words.say(f"fact.{name}") for name in _AS_CODE}
    pairs = [(words.say("fact.test"), code(view.name, None))]
    pairs += [(name, code(value) if name in as_code else text(value)) for name, value in view.facts]
    return " · ".join(f"{text(name)}: {value}" for name, value in pairs)


def _where(page: TestPage, base: str | None, words: Wording) -> str:
    links = [link_markdown(link, None) for link in page.frame.links if "://" in link.href]
    if base:
        links.insert(0, link_markdown(Link(words.say("page.open_page"), page.test.href), base))
    return " · ".join([*links, text(page.frame.when)])
