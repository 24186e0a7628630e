"""The first thing that a report says: whether today's data can be used, and why.

A failed build, a warning beyond its budget and a refused publication all mean no: what was
published last stays in use.
"""

from collections import Counter
from collections.abc import Collection, Sequence

from lakehouse.quality.build_results import STATUSES, NodeResult, Status
from lakehouse.quality.run_facts import RunFacts
from lakehouse.reports.checks import TONES, index_of
from lakehouse.reports.open_faults import faults_of
from lakehouse.reports.views.lineage_part import published_tables
from lakehouse.reports.views.test_wording import title
from lakehouse.reports.views.view_types import Tag, Verdict
from lakehouse.reports.wording import Wording

_MOST_TITLES = 2


def is_blocked(facts: RunFacts) -> bool:
    """Whether today's data of the domain must not be used."""
    failed = facts.results.verdict == "failed" or bool(facts.stopped)
    return failed or bool(facts.breaches) or facts.publish.outcome == "refused"


def domain_verdict(facts: RunFacts, words: Wording) -> Verdict:
    """The verdict over a whole domain."""
    nodes = facts.results.nodes
    if facts.stopped:
        return _stopped(facts, [words.say("verdict.stopped_why", reason=facts.stopped)], words)
    counts = _tags(facts, nodes, words)
    if is_blocked(facts):
        explain = [*_reasons(facts, nodes, words), *_what_stays(facts, words)]
        return Verdict(words.say("verdict.do_not_use"), " ".join(explain), "bad", counts)
    return _usable(facts, nodes, len(facts.findings), None, words)


def owner_verdict(facts: RunFacts, ids: Collection[str], words: Wording) -> Verdict:
    """The verdict over the nodes of an owner; nothing is his to use if the domain failed."""
    own = frozenset(ids)
    if facts.stopped:
        # What is wrong with his own sources stands below, with what to do.
        reasons = [] if faults_of(facts, own) else [words.say("verdict.stopped_owner")]
        return _stopped(facts, reasons, words)
    nodes = [node for node in facts.results.nodes if node.unique_id in own]
    if not is_blocked(facts):
        return _usable(facts, nodes, len(faults_of(facts, own)), own, words)
    counts = _tags(facts, nodes, words)
    reasons = _reasons(facts, nodes, words, with_refusal=False)
    if reasons:
        said = words.say("verdict.do_not_use")
    else:
        said = words.say("verdict.do_not_use_others")
        reasons = _reasons(facts, facts.results.nodes, words)
    return Verdict(said, " ".join([*reasons, *_what_stays(facts, words)]), "bad", counts)


def _stopped(facts: RunFacts, reasons: Sequence[str], words: Wording) -> Verdict:
    explain = [*reasons, *_what_stays(facts, words)]
    if facts.results.nodes:
        moment = words.moment(facts.results.generated_at)
        explain.append(words.say("verdict.stopped_below", moment=moment))
    return Verdict(words.say("verdict.stopped"), " ".join(explain), "bad")


def _usable(
    facts: RunFacts,
    nodes: Sequence[NodeResult],
    findings: int,
    own: frozenset[str] | None,
    words: Wording,
) -> Verdict:
    counts = _tags(facts, nodes, words)
    warnings = _of_status(facts, nodes, "warn")
    explain = _what_came(facts, own, words)
    if warnings:
        names = _titles(warnings, words)
        explain.append(words.say("verdict.warning", count=len(warnings), names=names))
        said = words.say("verdict.use_with_warnings", count=len(warnings))
    elif findings:
        said = words.say("verdict.use_with_findings", count=findings)
    else:
        said = words.say("verdict.use")
    tone = TONES["warn"] if warnings or findings else TONES["pass"]
    return Verdict(said, " ".join(explain), tone, counts)


def _reasons(
    facts: RunFacts, nodes: Sequence[NodeResult], words: Wording, *, with_refusal: bool = True
) -> list[str]:
    blocking = [node for node in nodes if node.status in ("fail", "error")]
    broken = [node for node in blocking if not node.is_check]
    said = []
    if broken:
        names = words.names([node.name for node in broken])
        said.append(words.say("verdict.broken", names=names))
    ids = {node.unique_id for node in nodes}
    groups = (
        ("failing", _of_status(facts, nodes, "fail")),
        ("could_not_run", _of_status(facts, nodes, "error")),
        ("over_budget", [node for node in facts.breaches if node.unique_id in ids]),
    )
    for key, tests in groups:
        if tests:
            names = _titles(tests, words)
            said.append(words.say(f"verdict.{key}", count=len(tests), names=names))
    skipped = sum(node.status == "skipped" for node in nodes)
    if skipped:
        said.append(words.say("verdict.skipped", count=skipped))
    if not said and with_refusal and facts.publish.message:
        said.append(words.say("verdict.refused", reason=facts.publish.message))
    return said


def _what_stays(facts: RunFacts, words: Wording) -> list[str]:
    if facts.publish.outcome in ("published", "unchanged"):
        return []
    if facts.publish.at:
        return [words.say("verdict.last_good", moment=words.moment(facts.publish.at))]
    return [words.say("verdict.nothing_published")]


def _what_came(facts: RunFacts, own: frozenset[str] | None, words: Wording) -> list[str]:
    publish, said = facts.publish, []
    tables = [table.rpartition(".")[2] for table, _ in published_tables(facts, own)]
    if publish.outcome == "published" and tables:
        said.append(words.say("verdict.published", count=len(tables), names=words.names(tables)))
    elif publish.outcome == "unchanged" and publish.at:
        said.append(words.say("verdict.unchanged_since", moment=words.moment(publish.at)))
    elif publish.outcome == "unchanged":
        said.append(words.say("verdict.unchanged"))
    rejected = sum(one.rejected for one in facts.sources if own is None or one.unique_id in own)
    if rejected:
        said.append(words.say("verdict.rejected", count=rejected))
    sources = [one.unique_id for one in facts.sources if own is None or one.unique_id in own]
    absent = {one.table for one in faults_of(facts, sources) if one.kind != "partly"}
    if absent:
        said.append(words.say("verdict.not_loaded", names=words.names(sorted(absent))))
    return said


def _of_status(facts: RunFacts, nodes: Sequence[NodeResult], status: Status) -> list[NodeResult]:
    ids = {node.unique_id for node in nodes}
    checks = index_of(facts).checks
    return [one for one in checks if one.status == status and one.unique_id in ids]


def _titles(checks: Sequence[NodeResult], words: Wording) -> str:
    shown = dict.fromkeys(title(check, words) for check in checks[:_MOST_TITLES])
    titles = [words.say("list.quoted", name=name) for name in shown]
    return words.names(titles, len(titles) + max(0, len(checks) - _MOST_TITLES), _MOST_TITLES)


def _tags(facts: RunFacts, nodes: Sequence[NodeResult], words: Wording) -> tuple[Tag, ...]:
    found = Counter(node.status for node in nodes)
    tags = [
        Tag(
            words.say(f"counts.{status}", count=found[status]),
            TONES[status] if found[status] else "skip",
        )
        for status in STATUSES
    ]
    fixed = sum(facts.state(node.unique_id).change == "FIXED" for node in nodes)
    if fixed:
        tags.append(Tag(words.say("counts.resolved", count=fixed), "ok"))
    return tuple(tags)
