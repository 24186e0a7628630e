"""What came and what went out, as rows of tables: arrivals of sources and published tables."""

from collections.abc import Iterable

from lakehouse.quality.run_facts import ModelFacts, RunFacts, SourceFacts
from lakehouse.reports.views.lineage_part import published_tables
from lakehouse.reports.views.published_rows import published_row
from lakehouse.reports.views.row_change import against
from lakehouse.reports.views.view_types import Cell, Column, Grid, Tag, Tone
from lakehouse.reports.wording import Wording

_FLOW = ("table", "state", "rows", "against", "arrived", "origin")
_DELIVERED = ("delivered", "loaded", "rejected", "known")
_NUMERIC = {"rows", "against", *_DELIVERED}
_TONES: dict[str, Tone] = {"loaded": "ok", "unchanged": "skip"}


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
    rows += [published_row(table, model, facts, words) for table, model in published]
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
    rows = tuple(
        published_row(table, model, facts, words) for table, model in published_tables(facts)
    )
    heads = tuple("published_at" if head == "arrived" else head for head in _FLOW)
    return Grid(_columns(heads, words), rows)


def _arrival(source: SourceFacts, facts: RunFacts, words: Wording) -> tuple[Cell, ...]:
    tag = _arrival_tag(source, words)
    is_refused = _last_was_refused(source)
    at = source.refused_files[0].arrived_at if is_refused else source.arrived_at
    change = "" if is_refused else against(source.rows, source.rows_before, words)
    return (
        Cell(source.name, "code"),
        Cell(tag.text, "tag", tag.tone),
        Cell("" if source.rows is None else words.number(source.rows), "number"),
        Cell(change, "number"),
        Cell(words.near(at, facts.started_at) if at else ""),
        _origin(source, words),
    )


def _arrival_tag(source: SourceFacts, words: Wording) -> Tag:
    is_bad = source.status in ("fail", "error")
    if _is_unjudged(source):
        return Tag(words.say("arrival.not_judged"), "bad")
    if source.arrival == "loaded" and source.status in ("fail", "warn"):
        return Tag(words.say("arrival.late"), "bad" if is_bad else "warn")
    if source.arrival == "loaded" and source.status == "pass":
        return Tag(words.say("arrival.on_time"), "ok")
    tone = "bad" if is_bad else _TONES.get(source.arrival, "warn")
    return Tag(words.say(f"arrival.{source.arrival}"), tone)


def _origin(source: SourceFacts, words: Wording) -> Cell:
    if source.arrival == "quarantined" and source.refused_files:
        return _refused(source, words)
    if source.arrival == "never" or _is_unjudged(source):
        return Cell("")
    if source.arrival == "unchanged":
        return Cell(words.say("arrival.already_loaded"))
    rejected = words.say("unit.rejected", count=source.rejected)
    if len(source.files) == 1:
        return Cell(f"{source.files[0]}, {rejected}", "code")
    if source.files:
        return Cell(f"{words.say('unit.file', count=len(source.files))}, {rejected}")
    return Cell(rejected if source.delivered or source.rejected else "")


def _refused(source: SourceFacts, words: Wording) -> Cell:
    names = words.names([one.file for one in source.refused_files], most=1)
    if source.arrived_at is None:
        return Cell(words.say("arrival.refused", names=names), "code")
    day = words.day(source.arrived_at)
    return Cell(words.say("arrival.refused_since", names=names, day=day), "code")


def _last_was_refused(source: SourceFacts) -> bool:
    """Whether the newest thing that came is in quarantine, so that rows are of an older load."""
    if source.arrival != "quarantined" or not source.refused_files:
        return False
    return source.arrived_at is None or source.refused_files[0].arrived_at > source.arrived_at


def _is_unjudged(source: SourceFacts) -> bool:
    return source.status == "error" and source.arrival not in ("quarantined", "never")


def _columns(names: tuple[str, ...], words: Wording) -> tuple[Column, ...]:
    return tuple(Column(words.say(f"column.{name}"), name in _NUMERIC) for name in names)
