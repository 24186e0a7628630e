"""How a check stands, in words: what changed, how much fails and whether it moved, its budget."""

from datetime import datetime

from lakehouse.quality.build_results import NodeResult
from lakehouse.quality.run_facts import (
    BudgetBreach,
    Change,
    RunFacts,
    RunPoint,
    TestState,
    WarnBudget,
)
from lakehouse.reports.checks import OPEN, index_of, is_freshness
from lakehouse.reports.views.view_types import Tag
from lakehouse.reports.wording import Wording

_UNITS = ("row", "value", "result")
_CHANGES: dict[Change, str] = {
    "NEW": "new",
    "STILL": "still",
    "FIXED": "fixed",
    "NOT CHECKED": "unchecked",
}
_NEAR_AND_FAR: dict[Change, tuple[str, str]] = {
    "NEW": ("new_today", "new_since"),
    "STILL": ("still_today", "still_days"),
    "NOT CHECKED": ("unchecked_since", "unchecked_since"),
}


def status_tag(status: str | None, words: Wording) -> Tag:
    """A status as a word with its tone; None is something that did not run."""
    if status is None:
        return Tag(words.say("status.none"), "skip")
    said = words.say(f"status.{status}")
    match status:
        case "pass":
            return Tag(said, "ok")
        case "warn":
            return Tag(said, "warn")
        case "fail" | "error":
            return Tag(said, "bad")
    return Tag(said, "skip")


def check_tag(check: NodeResult, state: TestState, words: Wording) -> Tag:
    """The status of a check; `resolved` where it has just recovered."""
    if check.status == "pass" and state.change == "FIXED":
        return Tag(words.say("status.resolved"), "ok")
    tag = status_tag(check.status, words)
    return Tag(tag.text, "bad") if state.breach else tag


def change_text(state: TestState, now: datetime, words: Wording) -> str:
    """What became of a check since the last run, and since when; empty if nothing did."""
    if state.change is None:
        return ""
    key = _CHANGES[state.change]
    if state.change == "FIXED":
        closed = next((one for one in state.incidents if one.resolved_at), None)
        days = closed.days(now) if closed else None
        near, far = "fixed_soon", "fixed_days"
    else:
        days = words.days_between(state.since, now) if state.since else None
        near, far = _NEAR_AND_FAR[state.change]
    if days is None:
        return words.say(f"change.{key}")
    day = words.day(state.since) if state.since else ""
    return words.say(f"change.{far if days else near}", count=days, day=day)


def count_text(check: NodeResult, facts: RunFacts, words: Wording) -> str:
    """How much fails, such as `2 rows · 1 value · 3 fewer than before`; empty for nothing."""
    if is_freshness(check):
        return _age_text(check, facts, words)
    if check.status not in ("warn", "fail"):
        return ""
    parts = [*failing_counts(check, facts, words), trend_text(check, facts, words)]
    return " · ".join(part for part in parts if part)


def failing_counts(check: NodeResult, facts: RunFacts, words: Wording) -> list[str]:
    """Whole rows that fail, where they were read, and what dbt counted, if it is another thing."""
    rows = facts.failing_rows.get(check.unique_id)
    traced = rows.total if rows else 0
    counts = [words.say("unit.row", count=traced)] if traced else []
    unit = check.failure_unit
    is_other = not traced or (unit != "row" and check.failures != traced)
    if check.failures and unit in _UNITS and is_other:
        counts.append(words.say(f"unit.{unit}", count=check.failures))
    return counts


def trend_text(check: NodeResult, facts: RunFacts, words: Wording) -> str:
    """How the count moved against the run before; empty where one of the two is unknown."""
    points = facts.history.get(check.unique_id, ())
    before, now = _last_two(points)
    if not before or now is None or check.status not in ("warn", "fail"):
        return ""
    if now == before:
        return words.say("trend.same")
    return words.say("trend.more" if now > before else "trend.fewer", count=abs(now - before))


def budget_text(state: TestState, words: Wording) -> str:
    """What a warning's budget says: the limit that was passed, else what is borne."""
    if state.breach:
        return _breach_text(state.breach, words)
    if not state.budget:
        return ""
    limits = _limits(state.budget, words)
    return words.say("budget.allowed", limits=", ".join(limits)) if limits else ""


def _age_text(check: NodeResult, facts: RunFacts, words: Wording) -> str:
    source = index_of(facts).sources.get(check.unique_id)
    if source is None or source.age_hours is None or check.status not in OPEN:
        return ""
    return words.say("time.ago", span=words.span(source.age_hours))


def _last_two(points: tuple[RunPoint, ...]) -> tuple[int | None, int | None]:
    if len(points) < 2:
        return None, None
    return points[-2].failing_rows, points[-1].failing_rows


def _breach_text(breach: BudgetBreach, words: Wording) -> str:
    if breach.limit == "share":
        return words.say(
            "budget.broken_share",
            found=words.percent(breach.found),
            allowed=words.percent(breach.allowed),
        )
    return words.say(
        f"budget.broken_{breach.limit}", count=int(breach.found), allowed=int(breach.allowed)
    )


def _limits(budget: WarnBudget, words: Wording) -> list[str]:
    limits = []
    if budget.rows is not None:
        limits.append(words.say("budget.rows", count=budget.rows))
    if budget.share is not None:
        limits.append(words.say("budget.share", share=words.percent(budget.share)))
    if budget.days is not None:
        limits.append(words.say("budget.days", count=budget.days))
    return limits
