"""One check as its owner sees it."""

from datetime import datetime

from lakehouse.quality.build_results import NodeResult
from lakehouse.quality.run_facts import RunFacts, TestState
from lakehouse.reports.artifacts.artifact_keys import test_key
from lakehouse.reports.checks import OPEN, check_label, index_of, is_freshness
from lakehouse.reports.views.failing_grid import failing_grid, rows_note
from lakehouse.reports.views.page_frame import frame_of, to_report
from lakehouse.reports.views.run_charts import failures_chart
from lakehouse.reports.views.test_standing import budget_text, change_text, check_tag, count_text
from lakehouse.reports.views.test_wording import checked_table, title, what_it_checks, what_to_do
from lakehouse.reports.views.view_types import Cell, Column, Grid, TestPage, TestView
from lakehouse.reports.wording import Wording


def build_test_view(
    facts: RunFacts, test: NodeResult, wording: Wording, now: datetime | None = None
) -> TestView:
    """Say all that is known of a check.

    Args:
        facts: the run.
        test: a data test, a unit test or the freshness of a source.
        wording: the language.
        now: from when days are counted; the start of the run if not given.
    """
    at = now or facts.started_at
    made, key = index_of(facts).views, (test.unique_id, wording.language, at)
    if key not in made:
        made[key] = _view(facts, test, wording, at)
    return made[key]


def _view(facts: RunFacts, test: NodeResult, wording: Wording, at: datetime) -> TestView:
    state = facts.state(test.unique_id)
    is_open = test.status in OPEN
    failing = facts.failing_rows.get(test.unique_id) if is_open else None
    slug = index_of(facts).slug(test)
    shows_message = test.status == "error" or (test.test_kind == "unit_test" and is_open)
    reads_rows = bool(test.relation_name) and test.is_test and test.status in ("warn", "fail")
    return TestView(
        title=title(test, wording),
        name=check_label(test),
        status=check_tag(test, state, wording),
        change=change_text(state, at, wording),
        count=count_text(test, facts, wording),
        checks=what_it_checks(test, wording),
        todo=what_to_do(test, wording),
        facts=_pairs(facts, test, state, wording),
        chart=failures_chart(test, facts, wording),
        href=test_href(facts, test),
        artifact=test_key(facts.domain, slug),
        budget=budget_text(state, wording),
        over_budget=state.breach is not None,
        rows=failing_grid(failing, at, wording) if failing else None,
        rows_note=rows_note(failing, wording) if failing else "",
        incidents=_incidents(state, at, wording),
        message=(test.message or "") if shows_message else "",
        query=f"select * from {test.relation_name}" if reads_rows else "",
        sql=(test.compiled_code or "").strip(),
    )


def build_test_page_view(
    facts: RunFacts, test: NodeResult, now: datetime | None = None
) -> TestPage:
    """The page of a check, in the language of its owner, else in English."""
    wording = Wording.of(test.language or "en")
    view = build_test_view(facts, test, wording, now)
    return TestPage(frame_of(facts, wording, view.title, up=to_report(wording)), view)


def test_href(facts: RunFacts, test: NodeResult) -> str:
    """Where the page of a check lies, relative to the folder of the domain's pages."""
    return f"tests/{index_of(facts).slug(test)}.html"


def _pairs(
    facts: RunFacts, test: NodeResult, state: TestState, words: Wording
) -> tuple[tuple[str, str], ...]:
    pairs = {
        "table": checked_table(test),
        "column": test.column or "",
        "severity": words.say(f"severity.{test.severity}")
        if test.severity in ("warn", "error")
        else "",
        "owner": test.owner or "",
        "since": words.day(state.since) if state.since and test.status in OPEN else "",
        "rows_fixed": words.number(state.rows_fixed) if state.rows_fixed else "",
        **(_freshness_pairs(facts, test, words) if is_freshness(test) else {}),
        "declared_in": test.path,
    }
    return tuple((words.say(f"fact.{name}"), value) for name, value in pairs.items() if value)


def _freshness_pairs(facts: RunFacts, test: NodeResult, words: Wording) -> dict[str, str]:
    source = index_of(facts).sources.get(test.unique_id)
    if source is None:
        return {}
    limits = (
        source.error_after_hours if test.status == "fail" else source.warn_after_hours,
        source.warn_after_hours,
        source.error_after_hours,
    )
    limit = next((hours for hours in limits if hours is not None), None)
    return {
        "arrived": words.moment(source.arrived_at) if source.arrived_at else "",
        "limit": "" if limit is None else words.span(limit),
    }


def _incidents(state: TestState, now: datetime, words: Wording) -> Grid | None:
    earlier = [one for one in state.incidents if one.resolved_at is not None]
    if not earlier:
        return None
    rows = tuple(
        (
            Cell(words.day(one.opened_at)),
            Cell(words.day(one.resolved_at) if one.resolved_at else ""),
            Cell(words.lasted(one.days(now))),
            Cell("" if one.worst_rows is None else words.number(one.worst_rows), "number"),
        )
        for one in earlier
    )
    columns = (
        Column(words.say("incident.opened")),
        Column(words.say("incident.resolved")),
        Column(words.say("incident.lasted")),
        Column(words.say("incident.worst"), numeric=True),
    )
    return Grid(columns, rows)
