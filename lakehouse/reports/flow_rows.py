"""What came and what went out, as rows of tables: arrivals of sources and published tables."""

from collections.abc import Iterable

from lakehouse.quality.run_facts import ModelFacts, RunFacts, SourceFacts
from lakehouse.reports.checks import index_of
from lakehouse.reports.test_standing import status_tag
from lakehouse.reports.views import Cell, Column, Grid, Tag, Tone
from lakehouse.reports.wording import Wording

_FLOW = ("table", "state", "rows", "against", "arrived", "origin")
_DELIVERED = ("delivered", "loaded", "rejected", "known")
_NUMERIC = {"rows", "against", *_DELIVERED}


def flow_grid(
    facts: RunFacts,
    sources: Iterable[SourceFacts],
    published: Iterable[tuple[str, ModelFacts | None]],
    words: Wording,
) -> Grid:
    """Arrivals first, then what readers get.

    Args:
        facts: the run.
        sources: tables that came.
        published: `schema.table` and its model, where known.
        words: the language.
    """
    rows = [_arrival(source, facts, words) for source in sources]
    rows += [_published(table, model, facts, words) for table, model in published]
    return Grid(_columns(_FLOW, words), tuple(rows))


def arrivals_grid(facts: RunFacts, words: Wording) -> Grid:
    """Every source of a domain with its rows: delivered = loaded + rejected."""
    rows = tuple(
        (
            *_arrival(source, facts, words)[:-1],
            *(
                Cell(words.number(count), "number")
                for count in (source.delivered, source.loaded, source.rejected, source.known)
            ),
        )
        for source in facts.sources
    )
    return Grid(_columns((*_FLOW[:-1], *_DELIVERED), words), rows)


def published_grid(facts: RunFacts, words: Wording) -> Grid:
    """Every published table of a domain, and its rows against the publication before."""
    rows = tuple(_published(table, model, facts, words) for table, model in published_tables(facts))
    heads = tuple("published_at" if head == "arrived" else head for head in _FLOW)
    return Grid(_columns(heads, words), rows)


def published_tables(
    facts: RunFacts, nodes: frozenset[str] | None = None
) -> list[tuple[str, ModelFacts | None]]:
    """Published tables as `schema.table` with their models; only of `nodes`, if given."""
    found = list(index_of(facts).published.items())
    if nodes is None:
        return found
    return [(table, model) for table, model in found if model and model.unique_id in nodes]


def against(now: int | None, before: int | None, words: Wording) -> str:
    """How rows moved, as a signed percentage; empty where one of the two is unknown."""
    if now is None or before is None:
        return ""
    if now == before:
        return words.number(0)
    if before == 0:
        return f"+{words.number(now)}"
    return words.percent((now - before) / before, signed=True)


def _arrival(source: SourceFacts, facts: RunFacts, words: Wording) -> tuple[Cell, ...]:
    tag = _arrival_tag(source, words)
    arrived = words.near(source.arrived_at, facts.started_at) if source.arrived_at else ""
    return (
        Cell(source.name, "code"),
        Cell(tag.text, "tag", tag.tone),
        Cell("" if source.rows is None else words.number(source.rows), "number"),
        Cell(against(source.rows, source.rows_before, words), "number"),
        Cell(arrived),
        _origin(source, words),
    )


def _arrival_tag(source: SourceFacts, words: Wording) -> Tag:
    is_bad = source.status in ("fail", "error")
    if source.arrival == "loaded" and source.status in ("fail", "warn"):
        return Tag(words.say("arrival.late"), "bad" if is_bad else "warn")
    if source.arrival == "loaded" and source.status == "pass":
        return Tag(words.say("arrival.on_time"), "ok")
    tones: dict[str, Tone] = {"loaded": "ok", "unchanged": "skip"}
    tone = "bad" if is_bad else tones.get(source.arrival, "warn")
    return Tag(words.say(f"arrival.{source.arrival}"), tone)


def _origin(source: SourceFacts, words: Wording) -> Cell:
    if source.arrival == "never":
        return Cell("")
    if source.arrival == "unchanged":
        return Cell(words.say("arrival.already_loaded"))
    rejected = words.say("unit.rejected", count=source.rejected)
    if len(source.files) == 1:
        return Cell(f"{source.files[0]}, {rejected}", "code")
    if source.files:
        return Cell(f"{words.say('unit.file', count=len(source.files))}, {rejected}")
    return Cell(rejected if source.delivered or source.rejected else "")


def _published(
    table: str, model: ModelFacts | None, facts: RunFacts, words: Wording
) -> tuple[Cell, ...]:
    publish = facts.publish
    if publish.outcome in ("published", "unchanged"):
        rows = publish.tables.get(table, model.rows if model else None)
        before = publish.before.get(table, model.rows_before if model else None)
    else:
        # Readers still have what was published last.
        rows = model.rows if model else None
        before = publish.tables.get(table, model.rows_before if model else None)
    tag = _published_tag(model, facts, words)
    at = words.near(publish.at, facts.started_at) if publish.at else ""
    return (
        Cell(table, "strong"),
        Cell(tag.text, "tag", tag.tone),
        Cell("" if rows is None else words.number(rows), "number"),
        Cell(against(rows, before, words), "number"),
        Cell(at),
        Cell("" if before is None else words.say("published.rows_before", count=before)),
    )


def _published_tag(model: ModelFacts | None, facts: RunFacts, words: Wording) -> Tag:
    outcome = facts.publish.outcome
    if outcome == "published":
        return Tag(words.say("published.published"), "ok")
    if outcome == "unchanged":
        return Tag(words.say("published.unchanged"), "skip")
    if outcome == "refused":
        return Tag(words.say("published.refused"), "bad")
    if model is None:
        return Tag(words.say("published.not_run"), "skip")
    if model.status == "pass":
        return Tag(words.say("published.built"), "skip")
    return status_tag(model.status, words)


def _columns(names: tuple[str, ...], words: Wording) -> tuple[Column, ...]:
    return tuple(Column(words.say(f"column.{name}"), name in _NUMERIC) for name in names)
