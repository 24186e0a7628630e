"""What an owner is told after a run: only what is new or got worse, once for each state.

Nothing that was read from a row is in it. Who sends it, and by what, is decided in `tasks.notify`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lakehouse.quality.build_results import NodeResult, Status
from lakehouse.quality.run_facts import UNOWNED, BudgetBreach, GroupFacts, RunFacts, RunPoint
from lakehouse.quality.source_faults import SourceFault
from lakehouse.quality.told_owners import Notified, Told
from lakehouse.reports.artifacts.artifact_keys import folder_name, owner_key
from lakehouse.reports.checks import OPEN, index_of
from lakehouse.reports.open_faults import fault_title, fault_todo, faults_of
from lakehouse.reports.views.owner_view import owner_slug
from lakehouse.reports.views.test_wording import title, what_to_do
from lakehouse.reports.views.verdicts import is_blocked
from lakehouse.reports.wording import Wording

MOST_TOLD = 10
_LONGEST_ADVICE = 400
_RANK: dict[Status, int] = {"pass": 0, "skipped": 0, "warn": 1, "fail": 2, "error": 2}


@dataclass(frozen=True)
class Digest:
    """A message to the owner of a group.

    Attributes:
        notify: the block that the group names; None for the one of all.
        body: plain text that also reads well as Markdown.
        tells: every fault and test that is new or worse, also those beyond the ones shown.
    """

    group: str
    owner: str
    email: str | None
    notify: str | None
    language: str
    subject: str
    body: str
    tells: tuple[Told, ...]


@dataclass(frozen=True)
class _News:
    """A test to tell of, and why, in words."""

    test: NodeResult
    why: str


def owner_digests(
    facts: RunFacts,
    pages_url: str | None = None,
    already: Mapping[str, Notified] | None = None,
    ui_url: str | None = None,
) -> list[Digest]:
    """One digest for each group that has something new or worse, in its owner's language.

    An error of a source is told once, whatever becomes of it; of a run that ended before it built
    anything only those are told.

    Args:
        facts: the run.
        pages_url: where the folder of all pages is served.
        already: what was told before, by unique id; then a run that was killed before it told, or
            a skipped build, leaves nothing untold and nothing told twice. None: compare with the
            run before, tell all errors of sources, and nothing of a build that was skipped.
        ui_url: Prefect's UI, for links where no pages are served.
    """
    if already is None and facts.skipped_build_of:
        return []
    found = (_digest(facts, group, pages_url, already, ui_url) for group in facts.groups)
    return [digest for digest in found if digest]


def _digest(
    facts: RunFacts,
    group: GroupFacts,
    pages_url: str | None,
    already: Mapping[str, Notified] | None,
    ui_url: str | None,
) -> Digest | None:
    words, own = Wording.of(group.language or facts.language), set(group.nodes)
    faults = [
        one for one in faults_of(facts, own) if _told_of(one).unique_id not in (already or {})
    ]
    built = () if facts.stopped else index_of(facts).checks
    checks = [check for check in built if check.unique_id in own]
    news = [
        _News(check, why)
        for check in checks
        if check.status in OPEN and (why := _why(facts, check, already, words))
    ]
    count = len(faults) + len(news)
    if not count:
        return None
    owner = words.say("domain.unowned") if group.owner == UNOWNED else group.owner
    subject = words.say("digest.subject", count=count, owner=owner, domain=facts.domain)
    entries = [_fault_entry(one, words) for one in faults[:MOST_TOLD]]
    entries += [_entry(facts, one, pages_url, words) for one in news[: MOST_TOLD - len(entries)]]
    body = [_verdict(facts, own, words), *entries]
    if count > len(entries):
        body.append(words.say("digest.more", count=count - len(entries)))
    fixed = [title(one, words) for one in checks if facts.state(one.unique_id).change == "FIXED"]
    if fixed:
        body.append(words.say("digest.resolved", names=words.names(fixed)))
    if link := _sheet_link(facts, group, pages_url, ui_url):
        body.append(words.say("digest.sheet", url=link))
    tells = (*map(_told_of, faults), *(_told(facts, one.test) for one in news))
    return Digest(
        group=group.name,
        owner=group.owner,
        email=group.email,
        notify=group.notify,
        language=words.language,
        subject=" ".join(subject.split()),
        body="\n\n".join(body) + "\n",
        tells=tells,
    )


def _why(
    facts: RunFacts, test: NodeResult, already: Mapping[str, Notified] | None, words: Wording
) -> str:
    """Why a test is to be told, in words; empty if its owner knows."""
    now = _told(facts, test)
    if already is None:
        before = _state_before(facts, test)
        points = facts.history.get(test.unique_id, ())
        rows = points[-1].failing_rows if points else now.failing_rows
    else:
        before, rows = already.get(test.unique_id), now.failing_rows
    if before is None or before.status not in OPEN:
        return words.say("digest.new")
    if _RANK[now.status] > _RANK[before.status]:
        return words.say("digest.stronger", before=words.say(f"status.{before.status}"))
    if now.over_budget and not before.over_budget:
        return words.say("digest.over_budget")
    if rows is not None and before.failing_rows is not None and rows > before.failing_rows:
        return words.say("digest.more_rows", before=before.failing_rows, now=rows)
    return ""


def _state_before(facts: RunFacts, test: NodeResult) -> Notified | None:
    """How the test stood on the last run before this one in which it ran; None if it is new."""
    state = facts.state(test.unique_id)
    earlier = facts.history.get(test.unique_id, ())[:-1]
    last = next((point for point in reversed(earlier) if point.status != "skipped"), None)
    if state.change == "NEW":
        return None
    if last is None:
        # Open for longer than the history goes back: its owner was told when it opened.
        return Notified(test.status, None, facts.started_at, state.breach is not None)
    over = state.breach is not None and _was_over(state.breach, state.since, last, facts, test)
    return Notified(last.status, last.failing_rows, last.at, over)


def _was_over(
    breach: BudgetBreach,
    since: datetime | None,
    last: RunPoint,
    facts: RunFacts,
    test: NodeResult,
) -> bool:
    """Whether the limit that is passed now was passed on the run before already."""
    if breach.limit == "days":
        return since is not None and (last.at - since).days > breach.allowed
    if breach.limit == "rows":
        return last.failing_rows is not None and last.failing_rows > breach.allowed
    rows = facts.history[test.unique_id][-1].failing_rows
    if not rows or last.failing_rows is None:
        return False
    return breach.found * last.failing_rows / rows > breach.allowed


def _told(facts: RunFacts, test: NodeResult) -> Told:
    return Told(
        unique_id=test.unique_id,
        status=test.status,
        failing_rows=facts.row_totals.get(test.unique_id, test.failures),
        over_budget=facts.state(test.unique_id).breach is not None,
    )


def _told_of(fault: SourceFault) -> Told:
    return Told(f"error.{fault.error_id}", "warn", None)


def _verdict(facts: RunFacts, own: set[str], words: Wording) -> str:
    if facts.stopped:
        return words.say("verdict.stopped")
    if is_blocked(facts):
        return words.say("verdict.do_not_use")
    warnings = [node for node in facts.results.warnings if node.unique_id in own]
    if not warnings:
        return words.say("verdict.use_with_findings", count=len(faults_of(facts, own)))
    return words.say("verdict.use_with_warnings", count=len(warnings))


def _fault_entry(fault: SourceFault, words: Wording) -> str:
    marks = (words.say("status.warn"), words.say("digest.new"))
    lines = [
        f"- {fault_title(fault, words)}",
        " · ".join(marks),
        f"{words.say('page.what_to_do')} {fault_todo(fault.kind, words)}",
    ]
    return "\n  ".join(lines)


def _entry(facts: RunFacts, news: _News, pages_url: str | None, words: Wording) -> str:
    test = news.test
    traced = facts.row_totals.get(test.unique_id)
    count, unit = (traced, "row") if traced else (test.failures, test.failure_unit)
    marks = [words.say(f"status.{test.status}"), news.why]
    if count and unit != "difference":
        marks.append(words.say(f"unit.{unit}", count=count))
    advice = what_to_do(test, words)
    if len(advice) > _LONGEST_ADVICE:
        advice = advice[: _LONGEST_ADVICE - 1].rstrip() + "…"
    lines = [
        f"- {title(test, words)}",
        " · ".join(marks),
        f"{words.say('page.what_to_do')} {advice}",
    ]
    if pages_url:
        name = index_of(facts).slug(test)
        lines.append(f"{_pages(facts, pages_url)}/tests/{name}.html")
    return "\n  ".join(lines)


def _sheet_link(
    facts: RunFacts, group: GroupFacts, pages_url: str | None, ui_url: str | None
) -> str | None:
    slug = owner_slug(facts, group.name)
    if pages_url:
        return f"{_pages(facts, pages_url)}/owners/{slug}.html"
    if ui_url:
        return f"{ui_url.rstrip('/')}/artifacts/key/{owner_key(facts.domain, slug)}"
    return facts.run.url


def _pages(facts: RunFacts, pages_url: str) -> str:
    return f"{pages_url.rstrip('/')}/{folder_name(facts.domain)}"
