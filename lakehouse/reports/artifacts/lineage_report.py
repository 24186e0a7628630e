"""The lineage picture of a domain, the content of the artifact `lineage-<domain>`."""

from lakehouse.quality.run_facts import RunFacts
from lakehouse.reports.artifacts.markdown import Markdown, text
from lakehouse.reports.pages.page_words import lineage_words
from lakehouse.reports.views.lineage_part import lineage_summary
from lakehouse.reports.wording import Wording


def lineage_description(facts: RunFacts) -> Markdown:
    """What the artifact says in a list of artifacts: what leads where, and what is not right."""
    return text(lineage_summary(facts.lineage, Wording.of(facts.language)), None)


def build_lineage_markdown(facts: RunFacts) -> str:
    """Write the picture, and what in it does not pass, in the language of the domain's pages."""
    # A run that shows what an earlier one drew needs no graph library.
    from lakehouse.reports.lineage.artifact import lineage_markdown  # noqa: PLC0415

    words = Wording.of(facts.language)
    return lineage_markdown(
        facts.lineage,
        title=f"{facts.domain}: {words.say('page.how_built')}",
        summary=lineage_summary(facts.lineage, words),
        legend=[],
        words=lineage_words(words),
    )
