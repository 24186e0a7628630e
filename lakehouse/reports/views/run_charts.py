"""Charts of the last runs: failures of a check, and of a domain its open checks and its rows."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from lakehouse.quality.build_results import NodeResult, Status
from lakehouse.quality.run_facts import RunFacts, RunPoint
from lakehouse.reports.checks import OPEN, TONES, index_of
from lakehouse.reports.views.view_types import Bar, Chart, Tone
from lakehouse.reports.wording import Wording

MOST_RUNS = 30
_WORST: tuple[Tone, ...] = ("bad", "warn")


def failures_chart(check: NodeResult, facts: RunFacts, words: Wording) -> Chart:
    """Failing rows of a check over its last runs."""
    points = facts.history.get(check.unique_id, ())[-MOST_RUNS:]
    bars = tuple(
        Bar(_height(point), TONES[point.status], _bar_label(point.at, _said(point, words), words))
        for point in points
    )
    return Chart(words.say("chart.failures"), bars, _failures_summary(points, words))


def domain_charts(facts: RunFacts, words: Wording) -> tuple[Chart, ...]:
    """Checks that do not pass and rows of the published tables, run by run; none without any."""
    charts = (_open_chart(facts, words), _rows_chart(facts, words))
    return tuple(chart for chart in charts if chart is not None)


def _height(point: RunPoint) -> float | None:
    if point.failing_rows:
        return float(point.failing_rows)
    return {"pass": 0.0, "warn": 1.0, "fail": 1.0}.get(point.status)


def _said(point: RunPoint, words: Wording) -> str:
    if point.status == "pass":
        return words.say("chart.passed")
    if point.status == "error":
        return words.say("chart.could_not_run")
    if point.status == "skipped":
        return words.say("chart.did_not_run")
    if point.failing_rows:
        return words.say("unit.row", count=point.failing_rows)
    return words.say(f"status.{point.status}")


def _failures_summary(points: tuple[RunPoint, ...], words: Wording) -> str:
    if not points:
        return words.say("chart.no_runs")
    failed = [point for point in points if point.status in OPEN]
    if not failed:
        return words.say("chart.never", count=len(points))
    now = _said(points[-1], words)
    if len(points) == 1:
        return words.say("chart.only_now", now=now)
    if failed == [points[-1]]:
        return words.say("chart.first_now", count=len(points) - 1, now=now)
    worst = max(failed, key=lambda point: point.failing_rows or 0)
    return words.say(
        "chart.some", count=len(points), failed=len(failed), worst=_said(worst, words), now=now
    )


def _open_chart(facts: RunFacts, words: Wording) -> Chart | None:
    runs: defaultdict[datetime, list[Status]] = defaultdict(list)
    for check in index_of(facts).checks:
        for point in facts.history.get(check.unique_id, ()):
            runs[point.at].append(point.status)
    last = sorted(runs.items())[-MOST_RUNS:]
    if not last:
        return None
    counts = [sum(status in OPEN for status in statuses) for _, statuses in last]
    bars = tuple(
        Bar(
            float(count),
            _worst_tone(statuses),
            _bar_label(at, words.say("unit.test", count=count), words),
        )
        for count, (at, statuses) in zip(counts, last, strict=True)
    )
    title = words.say("chart.not_passing")
    if not any(counts):
        return Chart(title, bars, words.say("chart.all_passed", count=len(counts)))
    now, worst = counts[-1], max(counts)
    if len(counts) == 1:
        said = words.say("chart.only_now", now=words.say("unit.test", count=now))
    else:
        failed = sum(count > 0 for count in counts)
        said = words.say(
            "chart.not_passing_summary", count=len(counts), failed=failed, worst=worst, now=now
        )
    return Chart(title, bars, said)


def _rows_chart(facts: RunFacts, words: Wording) -> Chart | None:
    totals: defaultdict[datetime, int] = defaultdict(int)
    for model in facts.models:
        for point in facts.history.get(model.unique_id, ()) if model.published else ():
            if point.rows is not None:
                totals[point.at] += point.rows
    last = sorted(totals.items())[-MOST_RUNS:]
    if not last:
        return None
    bars = tuple(
        Bar(float(rows), "ok", _bar_label(at, words.say("unit.row", count=rows), words))
        for at, rows in last
    )
    rows = [total for _, total in last]
    said = words.say(
        "chart.rows_summary", count=len(rows), now=rows[-1], least=min(rows), most=max(rows)
    )
    return Chart(words.say("chart.published_rows"), bars, said)


def _worst_tone(statuses: Iterable[Status]) -> Tone:
    found = {TONES[status] for status in statuses if status in OPEN}
    return next((tone for tone in _WORST if tone in found), "ok")


def _bar_label(at: datetime, said: str, words: Wording) -> str:
    return words.say("chart.bar", moment=words.short_moment(at), said=said)
