"""The board of arrivals in words: for a page, an artifact and a terminal."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lakehouse.quality.arrival_board import BoardRow, count_verdicts
from lakehouse.quality.arrival_verdicts import FAULTY
from lakehouse.quality.arrival_verdicts import Verdict as ArrivalVerdict
from lakehouse.reports.artifacts.artifact_keys import folder_name
from lakehouse.reports.views.view_types import (
    Cell,
    Column,
    Frame,
    Grid,
    Link,
    Tag,
    Tone,
    Verdict,
)
from lakehouse.reports.wording import Wording

TONES: dict[ArrivalVerdict, Tone] = {
    "missing": "bad",
    "late": "warn",
    "too_small": "warn",
    "duplicate": "warn",
    "on_time": "ok",
    "not_due": "skip",
    "holiday": "skip",
}
COLUMNS = ("verdict", "period", "domain", "table", "due", "arrived", "came", "files")


@dataclass(frozen=True)
class ArrivalsPage:
    """The page `arrivals.html`; `faulty` holds what needs a look, `others` the rest."""

    frame: Frame
    verdict: Verdict
    faulty: Grid
    others: Grid


def arrivals_table(
    rows: Sequence[BoardRow], language: str, columns: Sequence[str] = COLUMNS
) -> list[dict[str, str]]:
    """Rows of the board by the language's column names, in the given order.

    Args:
        rows: newest first.
        language: of names and verdicts.
        columns: some of `COLUMNS`.
    """
    words = Wording.of(language)
    return [
        {words.say(f"arrivals.column_{name}"): said[name] for name in columns}
        for said in (_texts(row, words) for row in rows)
    ]


def arrivals_summary(rows: Sequence[BoardRow], language: str) -> str:
    """One line: how many periods have each verdict."""
    words, counts = Wording.of(language), count_verdicts(rows)
    said = [
        f"{words.say(f'arrivals.{verdict}')}: {words.number(counts[verdict])}"
        for verdict in TONES
        if counts[verdict]
    ]
    return " · ".join(said) or words.say("arrivals.nothing")


def build_arrivals_page(
    rows: Sequence[BoardRow],
    language: str,
    now: datetime,
    *,
    has_front: bool,
    linked: Collection[str] = (),
) -> ArrivalsPage:
    """The page over all domains.

    Args:
        rows: newest first.
        language: of the page.
        now: moment of the judgement.
        has_front: whether there is a page over all domains to lead back to.
        linked: domains that have a page.
    """
    words = Wording.of(language)
    up = (Link(words.say("page.all_domains"), "index.html"),) if has_front else ()
    return ArrivalsPage(
        Frame(
            language=words.language,
            title=words.say("arrivals.title"),
            subtitle="",
            when=words.weekday_moment(now),
            links=up,
            footer=words.say("arrivals.footer", moment=words.moment(now)),
        ),
        _verdict(rows, words),
        _grid([row for row in rows if row.verdict in FAULTY], words, linked),
        _grid([row for row in rows if row.verdict not in FAULTY], words, linked),
    )


def _verdict(rows: Sequence[BoardRow], words: Wording) -> Verdict:
    counts = count_verdicts(rows)
    missing = sum(row.period.expected - row.period.came for row in rows if row.verdict == "missing")
    tags = tuple(
        Tag(f"{words.number(counts[name])} {words.say(f'arrivals.{name}')}", tone)
        for name, tone in TONES.items()
        if counts[name]
    )
    faulty = sum(counts[name] for name in FAULTY)
    if not rows:
        return Verdict(words.say("arrivals.nothing"), "", "skip")
    if missing:
        said = words.say("arrivals.some_missing", count=missing)
        return Verdict(said, "", "bad", tags)
    if faulty:
        return Verdict(words.say("arrivals.some_faulty", count=faulty), "", "warn", tags)
    return Verdict(words.say("arrivals.all_good"), "", "ok", tags)


def _texts(row: BoardRow, words: Wording) -> Mapping[str, str]:
    came = row.period
    return {
        "verdict": words.say(f"arrivals.{row.verdict}"),
        "period": came.period.name,
        "domain": row.domain,
        "table": row.table,
        "due": words.moment(came.period.due),
        "arrived": words.moment(came.arrived_at) if came.arrived_at else "",
        "came": f"{words.number(came.came)} / {words.number(came.expected)}",
        "files": words.names(came.files),
    }


def _grid(rows: Sequence[BoardRow], words: Wording, linked: Collection[str]) -> Grid:
    # The domain stands below the table, so that more of a row fits a phone.
    columns = tuple(
        Column(words.say(f"arrivals.column_{name}"), numeric=name == "came")
        for name in COLUMNS
        if name != "domain"
    )
    return Grid(columns, tuple(_cells(row, words, linked) for row in rows))


def _cells(row: BoardRow, words: Wording, linked: Collection[str]) -> tuple[Cell, ...]:
    said, none = _texts(row, words), Cell(words.say("arrivals.none"), "empty")
    href = f"{folder_name(row.domain)}/index.html" if row.domain in linked else None
    return (
        Cell(said["verdict"], "tag", TONES[row.verdict]),
        Cell(said["period"]),
        Cell(said["table"], "name", href=href, small=row.domain),
        Cell(said["due"]),
        Cell(said["arrived"]) if said["arrived"] else none,
        Cell(said["came"], "number"),
        Cell(said["files"], "code") if said["files"] else none,
    )
