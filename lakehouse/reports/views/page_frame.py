"""What stands around every page: title, moment, links, footer."""

from lakehouse.quality.run_facts import RunFacts
from lakehouse.reports.views.view_types import Frame, Link
from lakehouse.reports.wording import Wording


def frame_of(
    facts: RunFacts, words: Wording, title: str, *, up: Link, subtitle: str | None = None
) -> Frame:
    """The frame of a page of a domain.

    Args:
        facts: the run.
        words: the language.
        title: of the page.
        up: to the page above.
        subtitle: below the title; the domain if not given.
    """
    return Frame(
        language=words.language,
        title=title,
        subtitle=facts.domain if subtitle is None else subtitle,
        when=words.weekday_moment(facts.started_at),
        links=(up, *_run_links(facts, words)),
        footer=words.say(
            "domain.footer", domain=facts.domain, moment=words.moment(facts.started_at)
        ),
    )


def to_report(words: Wording) -> Link:
    """From a page of a test or an owner to that of the domain."""
    return Link(words.say("page.report"), "index.html")


def _run_links(facts: RunFacts, words: Wording) -> list[Link]:
    links = []
    if facts.run.url:
        name = facts.run.name or facts.run.id or ""
        links.append(Link(f"{words.say('page.run')} {name}".strip(), facts.run.url))
    if facts.catalog:
        links.append(Link(words.say("page.catalog"), facts.catalog))
    return links
