"""The health of what has to go on by itself, in words: for its page and for the front page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lakehouse.health.health_check import Verdict as HealthVerdict
from lakehouse.health.health_look import HealthLook, SeenCheck
from lakehouse.reports.views.view_types import (
    Cell,
    Column,
    Frame,
    Grid,
    HealthCard,
    Link,
    Tag,
    Tone,
    Verdict,
)
from lakehouse.reports.wording import Wording

_TONES: dict[HealthVerdict, Tone] = {"broken": "bad", "look": "warn", "ok": "ok"}
_KINDS = {
    "Prefect": "prefect",
    "audit database": "audit",
    "backup": "backup",
    "build": "build",
    "declarations": "declarations",
    "disk": "disk",
    "expected files": "expected",
    "freshness": "freshness",
    "lock": "lock",
    "publication": "publication",
    "quarantine": "quarantine",
    "runs": "runs",
    "stuck run": "stuck",
    "waiting run": "waiting",
    "watcher": "watcher",
}


@dataclass(frozen=True)
class HealthPage:
    """The page `health.html`; `faulty` holds what is in trouble, `others` the rest."""

    frame: Frame
    verdict: Verdict
    faulty: Grid
    others: Grid


def build_health_page(look: HealthLook, language: str, *, has_front: bool) -> HealthPage:
    """The page of a look.

    Args:
        look: what was found.
        language: of the page; what a check found is said as operators and logs have it.
        has_front: whether there is a page over all domains to lead back to.
    """
    words = Wording.of(language)
    return HealthPage(
        Frame(
            language=words.language,
            title=words.say("health.title"),
            subtitle=words.say("health.subtitle"),
            when=words.weekday_moment(look.looked_at),
            links=(Link(words.say("page.all_domains"), "index.html"),) if has_front else (),
            footer=words.say("health.looked", moment=words.moment(look.looked_at)),
        ),
        _verdict(look, words),
        _grid(look.troubles, words, with_since=True),
        _grid([one for one in look.checks if one.verdict == "ok"], words, with_since=False),
    )


def build_health_card(look: HealthLook, words: Wording, href: str, now: datetime) -> HealthCard:
    """What the front page says of the newest look; an old one says that nobody looks any more."""
    title = Link(words.say("health.title"), href)
    if look.is_stale(now):
        said = words.say("health.stale", moment=words.moment(look.looked_at))
        return HealthCard(title, Verdict(said, words.say("health.stale_explain"), "bad"), ())
    verdict = _verdict(look, words)
    lines = tuple(f"{_kind(one, words)}: {one.subject}" for one in look.troubles)
    return HealthCard(title, verdict, lines, _looked(look, words))


def _looked(look: HealthLook, words: Wording) -> str:
    return words.say("health.looked", moment=words.moment(look.looked_at))


def _verdict(look: HealthLook, words: Wording) -> Verdict:
    counts = {name: sum(one.verdict == name for one in look.checks) for name in _TONES}
    tags = tuple(
        Tag(f"{words.number(counts[name])} {words.say(f'health.{name}')}", tone)
        for name, tone in _TONES.items()
        if counts[name]
    )
    if counts["broken"]:
        said, tone = words.say("health.some_broken", count=counts["broken"]), _TONES["broken"]
    elif counts["look"]:
        said, tone = words.say("health.some_look", count=counts["look"]), _TONES["look"]
    else:
        said, tone = words.say("health.all_good"), _TONES["ok"]
    return Verdict(said, "", tone, tags)


def _grid(checks: Sequence[SeenCheck], words: Wording, *, with_since: bool) -> Grid:
    names = ("verdict", "what", "found", *(("since",) if with_since else ()))
    return Grid(
        tuple(Column(words.say(f"health.column_{name}")) for name in names),
        tuple(_cells(one, words, with_since=with_since) for one in checks),
    )


def _cells(check: SeenCheck, words: Wording, *, with_since: bool) -> tuple[Cell, ...]:
    since = (Cell(words.moment(check.since) if check.since else ""),) if with_since else ()
    return (
        Cell(words.say(f"health.{check.verdict}"), "tag", _TONES[check.verdict]),
        Cell(_kind(check, words), "name", small=check.subject),
        Cell(check.found),
        *since,
    )


def _kind(check: SeenCheck, words: Wording) -> str:
    known = _KINDS.get(check.kind)
    return words.say(f"health.kind_{known}") if known else check.kind
