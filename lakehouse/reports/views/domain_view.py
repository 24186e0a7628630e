"""The page of a whole domain after a build."""

from lakehouse.quality.build_results import NodeResult, Status
from lakehouse.quality.run_facts import RunFacts
from lakehouse.reports.checks import OPEN, checks_of, index_of, short_name
from lakehouse.reports.views.domain_sections import domain_sections, tests_grid
from lakehouse.reports.views.lineage_part import lineage_summary
from lakehouse.reports.views.page_frame import frame_of
from lakehouse.reports.views.run_charts import domain_charts
from lakehouse.reports.views.test_standing import failing_counts
from lakehouse.reports.views.verdicts import domain_verdict
from lakehouse.reports.views.view_types import DomainPage, Link
from lakehouse.reports.wording import Wording

_MOST_NAMES = 3
_SHOWN: tuple[Status, ...] = ("fail", "error", "warn")


def build_domain_page(facts: RunFacts, wording: Wording | None = None) -> DomainPage:
    """Make the page of a domain.

    Args:
        facts: the run.
        wording: another language than that of the facts.
    """
    words = wording or Wording.of(facts.language)
    return DomainPage(
        frame=frame_of(
            facts,
            words,
            facts.domain,
            up=Link(words.say("page.all_domains"), "../index.html"),
            subtitle="",
        ),
        verdict=domain_verdict(facts, words),
        headline=headline(facts, words),
        line=_line(facts, words),
        sections=domain_sections(facts, words),
        charts=domain_charts(facts, words),
        tests=tests_grid(facts, words),
        lineage=facts.lineage,
        lineage_summary=lineage_summary(facts.lineage, words),
    )


def headline(facts: RunFacts, words: Wording) -> str:
    """One line that names what is wrong, else what was built."""
    if facts.stopped:
        return words.say("verdict.stopped")
    checks = checks_of(facts.results)
    broken = [node for node in facts.results.nodes if not node.is_check and node.status in OPEN]
    parts = []
    if broken:
        names = words.names([node.name for node in broken], most=_MOST_NAMES)
        total = len(facts.results.nodes) - len(checks)
        parts.append(_part("broken", len(broken), total, names, words))
    for status in _SHOWN:
        found = [check for check in index_of(facts).checks if check.status == status]
        if found:
            names = _named(found, facts, words)
            parts.append(_part(status, len(found), len(checks), names, words))
    skipped = len(facts.results.skipped)
    if skipped:
        parts.append(words.say("domain.part_skipped", count=skipped))
    if parts:
        return "; ".join(parts)
    models = words.say("unit.model", count=len(facts.results.models))
    if not checks:
        return words.say("domain.built_untested", models=models)
    tests = words.say("unit.test", count=len(checks))
    return words.say("domain.built", models=models, tests=tests)


def _part(key: str, part: int, total: int, names: str, words: Wording) -> str:
    return words.say(f"domain.part_{key}", count=part, part=part, total=total, names=names)


def _named(found: list[NodeResult], facts: RunFacts, words: Wording) -> str:
    names = []
    for check in found[:_MOST_NAMES]:
        counts = failing_counts(check, facts, words)
        name = short_name(check)
        if counts:
            name = words.say("domain.named_count", name=name, count=counts[0])
        names.append(name)
    return words.names(names, len(found), _MOST_NAMES)


def _line(facts: RunFacts, words: Wording) -> str:
    started = words.moment(facts.started_at)
    run = facts.run.name or facts.run.id
    parts = [
        words.say("domain.line_run", run=run, moment=started)
        if run
        else words.say("domain.line", moment=started)
    ]
    if facts.skipped_build_of:
        parts.append(words.say("domain.line_skipped", moment=words.moment(facts.skipped_build_of)))
    if facts.stopped:
        return " ".join(parts)
    seconds = words.say("time.seconds", seconds=words.seconds(facts.results.elapsed_seconds))
    parts.append(
        words.say(
            "domain.line_build",
            nodes=len(facts.results.nodes),
            seconds=seconds,
            version=facts.results.dbt_version,
        )
    )
    return " ".join(parts)
