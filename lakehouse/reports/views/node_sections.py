"""Sections that list nodes: what broke, what was left out, models, tests that pass."""

from collections.abc import Iterable

from lakehouse.quality.build_results import STATUSES, NodeResult
from lakehouse.quality.run_facts import ModelFacts, RunFacts
from lakehouse.reports.checks import changed_checks, index_of
from lakehouse.reports.views.row_change import against
from lakehouse.reports.views.test_standing import change_text, status_tag
from lakehouse.reports.views.test_view import test_href
from lakehouse.reports.views.test_wording import checked_table, title
from lakehouse.reports.views.view_types import Cell, Column, Grid, Section
from lakehouse.reports.wording import Wording

MOST_LINES = 100
MOST_MODELS = 60
MOST_PASSING = 200
_LONGEST_MESSAGE = 500

Own = frozenset[str] | None


def broken_section(facts: RunFacts, words: Wording, own: Own = None) -> Section | None:
    """Models that could not be built, with dbt's words; None without any."""
    lines = [
        words.say(
            "domain.broken_line",
            name=node.name,
            message=_one_line(node.message) or words.say("domain.no_message"),
        )
        for node in _of(facts, own)
        if node.status in ("fail", "error") and not node.is_check
    ]
    return _lines("broken", lines, words)


def skipped_section(facts: RunFacts, words: Wording, own: Own = None) -> Section | None:
    """What was left out, and because of which tests and models; None without any."""
    lines = [
        words.say("domain.skipped_because", name=node.name, causes=", ".join(node.blocked_by))
        if node.blocked_by
        else words.say("domain.skipped_unknown", name=node.name)
        for node in _of(facts, own)
        if node.status == "skipped"
    ]
    return _lines("skipped", lines, words)


def unchecked_section(facts: RunFacts, words: Wording, own: Own = None) -> Section | None:
    """Checks that were open before and did not run now; None without any."""
    lines = [
        words.say(
            "domain.named_count",
            name=title(check, words),
            count=change_text(facts.state(check.unique_id), facts.started_at, words),
        )
        for check in changed_checks(facts, "NOT CHECKED")
        if own is None or check.unique_id in own
    ]
    return _lines("not_checked", lines, words)


def models_section(facts: RunFacts, words: Wording, own: Own = None) -> Section | None:
    """Models with rows, seconds and size: what did not pass first, then the slowest."""
    models = [one for one in facts.models if own is None or one.unique_id in own]
    if not models:
        return None
    models.sort(key=lambda one: (STATUSES.index(one.status) == 0, -one.seconds, one.name))
    heads = ("model", "kind", "status", "rows", "against", "seconds", "size")
    numeric = {"rows", "against", "seconds", "size"}
    columns = tuple(Column(words.say(f"column.{head}"), head in numeric) for head in heads)
    rows = tuple(_model_row(one, words) for one in models[:MOST_MODELS])
    return Section(
        words.say("section.models"),
        grid=Grid(columns, rows, _more(len(models), MOST_MODELS, words)),
    )


def passing_section(facts: RunFacts, words: Wording, own: Own = None) -> Section | None:
    """Checks that pass, by what they are about; None without any."""
    passing = [
        check
        for check in index_of(facts).checks
        if check.status == "pass" and (own is None or check.unique_id in own)
    ]
    if not passing:
        return None
    passing.sort(key=lambda check: (checked_table(check), check.column or "", check.name))
    rows = tuple(
        (
            Cell(title(check, words), href=test_href(facts, check)),
            Cell(checked_table(check), "code"),
            Cell(check.column or "", "code"),
        )
        for check in passing[:MOST_PASSING]
    )
    columns = tuple(Column(words.say(f"column.{head}")) for head in ("check", "table", "column"))
    grid = Grid(columns, rows, _more(len(passing), MOST_PASSING, words))
    return Section(words.say("section.passing"), grid=grid)


def _of(facts: RunFacts, own: Own) -> Iterable[NodeResult]:
    nodes = facts.results.nodes
    return nodes if own is None else (node for node in nodes if node.unique_id in own)


def _lines(section: str, lines: list[str], words: Wording) -> Section | None:
    if not lines:
        return None
    return Section(
        words.say(f"section.{section}"),
        tuple(lines[:MOST_LINES]),
        note=_more(len(lines), MOST_LINES, words),
    )


def _model_row(model: ModelFacts, words: Wording) -> tuple[Cell, ...]:
    tag = status_tag(model.status, words)
    return (
        Cell(model.name, "code"),
        Cell(words.say(f"page.kind_{model.resource_type}")),
        Cell(tag.text, "tag", tag.tone),
        Cell("" if model.rows is None else words.number(model.rows), "number"),
        Cell(against(model.rows, model.rows_before, words), "number"),
        Cell(words.seconds(model.seconds), "number"),
        Cell("" if model.bytes is None else words.size(model.bytes), "number"),
    )


def _one_line(message: str | None) -> str:
    line = " ".join((message or "").split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"


def _more(total: int, most: int, words: Wording) -> str:
    return words.say("list.more_lines", count=total - most) if total > most else ""
