"""What is shown of a run, in one language and without markup.

Markdown and HTML are both written from these values, so that they cannot disagree. Every string
is plain text: whoever writes it out escapes it. `tone` is one of ok, warn, bad, skip. Cells and
bars are tuples, since a domain has a hundred thousand of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from lakehouse.quality.run_facts import Lineage

Tone = Literal["ok", "warn", "bad", "skip"]


@dataclass(frozen=True)
class Tag:
    """A word with a tone, such as `2 warnings`."""

    text: str
    tone: Tone


@dataclass(frozen=True)
class Link:
    """A link; `href` is relative to the folder of the pages, or an absolute URL."""

    text: str
    href: str


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        kind: text; number (stands to the right); code (names, files); name (what the row is
            about, in bold); strong (because of it the row fails); empty (a missing value, in
            words); tag.
        tone: of a tag.
        href: a link, relative to the folder of the pages.
        small: a second line in small type, such as a technical name; empty for none.
    """

    text: str
    kind: Literal["text", "number", "code", "name", "strong", "empty", "tag"] = "text"
    tone: Tone = "skip"
    href: str | None = None
    small: str = ""


@dataclass(frozen=True)
class Column:
    """Head of a column; numbers stand to the right."""

    text: str
    numeric: bool = False


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes:
        note: a line below it, such as how many rows are not shown; empty for none.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


class Bar(NamedTuple):
    """A bar of a chart.

    Attributes:
        value: height; None where there is nothing to show for that run.
        label: what the bar says when pointed at, such as `21 Nov 2026, 06:03: 2 rows`.
    """

    value: float | None
    tone: Tone
    label: str


@dataclass(frozen=True)
class Chart:
    """Bars of the last runs, oldest first; `summary` says in words what can be seen."""

    title: str
    bars: tuple[Bar, ...]
    summary: str


@dataclass(frozen=True)
class Verdict:
    """The first thing to read.

    Attributes:
        say: one sentence: can today's data be used.
        explain: one to three sentences of why and what was done; may be empty.
        counts: tags such as `11 pass`.
    """

    say: str
    explain: str
    tone: Tone
    counts: tuple[Tag, ...] = ()


@dataclass(frozen=True)
class Frame:
    """What stands around the content of every page.

    Attributes:
        language: BCP 47 tag of the text.
        title: of the page.
        subtitle: such as the domain.
        when: date and time of the run, in the language, with UTC.
        links: run, catalog, up.
        footer: one line.
    """

    language: str
    title: str
    subtitle: str
    when: str
    links: tuple[Link, ...] = ()
    footer: str = ""


@dataclass(frozen=True)
class TestView:
    """One test.

    Attributes:
        title: what is wrong or checked, in a few words for people.
        name: the test's own label.
        status: its status as a word, with its tone.
        change: NEW, STILL, FIXED ... as a word in the language, and since when; empty if none.
        count: such as `2 rows · 1 value`.
        checks: what it checks, a sentence; empty where the title says the same.
        todo: what to do, empty for a test that passes.
        budget: what its warning budget says, empty without one; `over_budget` if it is passed.
        facts: pairs such as ("owner", "Ventas").
        rows: the failing rows, None without any.
        rows_note: such as `The first 50 of 1,234 rows.`, or why rows cannot be traced.
        incidents: earlier times in which it failed; None without any.
        message: dbt's words where it could not run or a unit test differs.
        query: SQL that reads the failing rows; `sql` that of the test.
        href: its page, relative to the folder of the pages; `artifact` its artifact's key.
    """

    __test__ = False

    title: str
    name: str
    status: Tag
    change: str
    count: str
    checks: str
    todo: str
    facts: tuple[tuple[str, str], ...]
    chart: Chart
    href: str
    artifact: str
    budget: str = ""
    over_budget: bool = False
    rows: Grid | None = None
    rows_note: str = ""
    incidents: Grid | None = None
    message: str = ""
    query: str = ""
    sql: str = ""


@dataclass(frozen=True)
class Section:
    """A title with lines or a table below it."""

    title: str
    lines: tuple[str, ...] = ()
    grid: Grid | None = None
    note: str = ""


@dataclass(frozen=True)
class TestPage:
    """The page of one test; `words` are the fixed words of the page, by key of the texts."""

    __test__ = False

    frame: Frame
    test: TestView


@dataclass(frozen=True)
class OwnerSheet:
    """The sheet of an owner, over all nodes of his group.

    Attributes:
        look_at: tests that do not pass, the worst first; `resolved` those that just recovered.
        not_loaded: what did not come or could not be read, files in quarantine and refused rows,
            right after `look_at`; None without any.
        flow: what came and what went out.
        lineage: the part of the picture that belongs to the group, with what it reads.
        more: such as tests that pass, models with rows over time.
    """

    frame: Frame
    verdict: Verdict
    look_at: tuple[TestView, ...]
    resolved: tuple[TestView, ...]
    flow: Grid
    lineage: Lineage
    lineage_summary: str
    more: tuple[Section, ...] = ()
    not_loaded: Section | None = None


@dataclass(frozen=True)
class DomainPage:
    """The report of a build over a whole domain.

    Attributes:
        line: run, start, whether dbt was skipped.
        sections: look at, what was not loaded, since the last run, findings, broken, skipped,
            arrivals, published, receipts, models, owners; in their order.
        charts: tests that do not pass, and rows of the published tables, over the last runs.
        tests: every test, the worst first.
    """

    frame: Frame
    verdict: Verdict
    headline: str
    line: str
    sections: tuple[Section, ...]
    charts: tuple[Chart, ...]
    tests: Grid
    lineage: Lineage
    lineage_summary: str


@dataclass(frozen=True)
class HealthCard:
    """Whether what has to go on by itself does; `lines` names what is in trouble."""

    title: Link
    verdict: Verdict
    lines: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class FrontPage:
    """All domains.

    Attributes:
        damaged: says of each report that cannot be read, which one it is.
        health: None if nobody looked yet.
    """

    frame: Frame
    verdict: Verdict
    domains: Sequence[tuple[Link, Verdict, str]]
    damaged: tuple[str, ...] = ()
    health: HealthCard | None = None
