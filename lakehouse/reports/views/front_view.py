"""The page over all domains."""

from collections.abc import Sequence
from datetime import datetime

from lakehouse.quality.run_facts import RunFacts
from lakehouse.reports.artifacts.artifact_keys import folder_name
from lakehouse.reports.views.domain_view import headline
from lakehouse.reports.views.verdicts import domain_verdict
from lakehouse.reports.views.view_types import (
    Frame,
    FrontPage,
    HealthCard,
    Link,
    Tag,
    Tone,
    Verdict,
)
from lakehouse.reports.wording import Wording

_RANK: dict[Tone, int] = {"bad": 0, "warn": 1, "skip": 2, "ok": 3}


def build_front_page(
    all_facts: Sequence[RunFacts],
    language: str,
    damaged: Sequence[str] = (),
    *,
    arrivals: str | None = None,
    health: HealthCard | None = None,
) -> FrontPage:
    """Make the page over all domains, the worst first.

    Args:
        all_facts: the last run of each domain.
        language: of the page.
        damaged: names of the domains whose report cannot be read.
        arrivals: where the board of expected files lies, if there is one.
        health: what the newest look found, if there was one.
    """
    words = Wording.of(language)
    domains = [
        (
            Link(facts.domain, f"{folder_name(facts.domain)}/index.html"),
            domain_verdict(facts, words),
            f"{words.moment(facts.started_at)} · {headline(facts, words)}",
        )
        for facts in all_facts
    ]
    domains.sort(key=lambda one: (_RANK[one[1].tone], one[0].text))
    newest = max((facts.started_at for facts in all_facts), default=None)
    said = tuple(words.say("page.damaged_report", name=name) for name in damaged)
    verdict = _verdict(domains, damaged, words)
    return FrontPage(_frame(newest, words, arrivals, health), verdict, tuple(domains), said, health)


def _frame(
    newest: datetime | None, words: Wording, arrivals: str | None, health: HealthCard | None
) -> Frame:
    board = (Link(words.say("arrivals.title"), arrivals),) if arrivals else ()
    return Frame(
        language=words.language,
        title=words.say("page.domains"),
        subtitle="",
        when=words.weekday_moment(newest) if newest else "",
        links=(*board, *((health.title,) if health else ())),
        footer=words.say("page.printed_footer"),
    )


def _verdict(
    domains: Sequence[tuple[Link, Verdict, str]], damaged: Sequence[str], words: Wording
) -> Verdict:
    if not domains and not damaged:
        return Verdict(words.say("verdict.no_domains"), "", "skip")
    bad = [link.text for link, verdict, _ in domains if verdict.tone == "bad"]
    warned = sum(verdict.tone == "warn" for _, verdict, _ in domains)
    good = len(domains) - len(bad) - warned
    tags = _tags(good, warned, len(bad), len(damaged), words)
    said = []
    if bad:
        said.append(words.say("verdict.some_bad", count=len(bad), names=words.names(bad)))
    if damaged:
        names = words.names(damaged)
        said.append(words.say("verdict.some_damaged", count=len(damaged), names=names))
    if said:
        others = [words.say("verdict.others_good")] if good or warned else []
        return Verdict(said[0], " ".join([*said[1:], *others]), "bad", tags)
    if warned:
        return Verdict(words.say("verdict.some_warn", count=warned), "", "warn", tags)
    return Verdict(words.say("verdict.all_good", count=len(domains)), "", "ok", tags)


def _tags(good: int, warned: int, bad: int, damaged: int, words: Wording) -> tuple[Tag, ...]:
    counts: tuple[tuple[str, int, Tone], ...] = (
        ("pass", good, "ok"),
        ("warn", warned, "warn"),
        ("bad", bad, "bad"),
        ("damaged", damaged, "bad"),
    )
    return tuple(
        Tag(words.say(f"counts.domains_{key}", count=count), tone if count else "skip")
        for key, count, tone in counts
        if count or key != "damaged"
    )
