"""Rows of tables on what readers get, or still have where nothing went out."""

from lakehouse.quality.run_facts import ModelFacts, RunFacts
from lakehouse.reports.views.row_change import against
from lakehouse.reports.views.verdicts import is_blocked
from lakehouse.reports.views.view_types import Cell, Tag
from lakehouse.reports.wording import Wording


def published_row(
    table: str, model: ModelFacts | None, facts: RunFacts, words: Wording
) -> tuple[Cell, ...]:
    """Table, state, rows, change, moment, and what the rows are.

    Where this run published nothing, rows and moment are those of what readers still have.
    """
    if facts.publish.outcome in ("published", "unchanged"):
        return _with_today(table, model, facts, words)
    if table in facts.publish.tables or is_blocked(facts):
        return _without_today(table, facts, words)
    # Nothing ever went out, and nothing forbids it: the project may not publish at all.
    built = model.rows if model else None
    tag = Tag(words.say("published.built" if model else "published.not_run"), "skip")
    return (*_first_cells(table, tag, built, words), *(Cell("") for _ in range(3)))


def _with_today(
    table: str, model: ModelFacts | None, facts: RunFacts, words: Wording
) -> tuple[Cell, ...]:
    publish = facts.publish
    rows = publish.tables.get(table, model.rows if model else None)
    before = publish.before.get(table, model.rows_before if model else None)
    is_new = publish.outcome == "published"
    tag = (
        Tag(words.say("published.published"), "ok")
        if is_new
        else Tag(words.say("published.unchanged"), "skip")
    )
    return (
        *_first_cells(table, tag, rows, words),
        Cell(against(rows, before, words), "number"),
        Cell(words.near(publish.at, facts.started_at) if publish.at else ""),
        Cell("" if before is None else words.say("published.rows_before", count=before)),
    )


def _without_today(table: str, facts: RunFacts, words: Wording) -> tuple[Cell, ...]:
    publish = facts.publish
    rows = publish.tables.get(table)
    tag = Tag(words.say("published.refused"), "bad" if is_blocked(facts) else "skip")
    at = words.near(publish.at, facts.started_at) if publish.at and rows is not None else ""
    return (
        *_first_cells(table, tag, rows, words),
        Cell("", "number"),
        Cell(at),
        Cell("" if rows is None else words.say("published.still_in_use")),
    )


def _first_cells(table: str, tag: Tag, rows: int | None, words: Wording) -> tuple[Cell, ...]:
    return (
        Cell(table, "name"),
        Cell(tag.text, "tag", tag.tone),
        Cell("" if rows is None else words.number(rows), "number"),
    )
