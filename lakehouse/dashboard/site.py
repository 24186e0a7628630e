"""What the pages of the dashboard show, read from one publication each."""

import logging
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from lakehouse.dashboard.csv_file import MOST_ROWS
from lakehouse.dashboard.declared_domain import DeclaredDomain, declared_domain
from lakehouse.dashboard.duckdb_publication import ServingCopies
from lakehouse.dashboard.figure_query import Period
from lakehouse.dashboard.figure_views import FigureView, figure_view, headings_of, written_rows
from lakehouse.dashboard.lake_publication import LakeVersions
from lakehouse.dashboard.period_choice import chosen_period, period_links, query_of
from lakehouse.dashboard.postgres_publication import PublishedSchemas
from lakehouse.dashboard.publication import Publication, PublishedData, ReadableTable
from lakehouse.errors import AljibeError, NotPublished
from lakehouse.quality.masking import MASK
from lakehouse.quality.run_facts import RunFacts, facts_from_json
from lakehouse.reports.artifacts.artifact_keys import folder_name
from lakehouse.reports.page_store.chosen_store import page_reader
from lakehouse.reports.page_store.pages import PageReader
from lakehouse.reports.views.verdicts import domain_verdict
from lakehouse.reports.views.view_types import Tone, Verdict
from lakehouse.reports.wording import Wording
from lakehouse.settings import Settings
from lakehouse.source_catalog import known_domains

FIRST_ROWS = 50
_FIGURES_ON_A_CARD = 3
_log = logging.getLogger("aljibe.dashboard")


@dataclass(frozen=True)
class Card:
    """A domain on the first page."""

    domain: str
    href: str
    tone: Tone
    verdict: str = ""
    as_of: str = ""
    figures: tuple[FigureView, ...] = ()
    has_boards: bool = False
    report: str = ""
    fault: str = ""


@dataclass
class Site:
    """Reads what pages show.

    Attributes:
        data: where publications are.
        pages: where pages of reports are.
        project: the dbt project, with what it declares.
    """

    data: PublishedData
    pages: PageReader
    project: Path
    _facts: dict[str, tuple[str, RunFacts | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "Site":
        """What the settings name; nothing is opened yet.

        Raises:
            SettingsInvalid: an address cannot be used.
        """
        data: PublishedData
        if settings.serving_url:
            project = settings.project_dir
            data = PublishedSchemas(settings.serving_url, known_domains(project), project)
        elif settings.target == "lake":
            data = LakeVersions(settings)
        else:
            folder = settings.serving("any").parent
            data = ServingCopies(folder, memory=settings.duckdb_memory)
        return cls(data, page_reader(settings), settings.project_dir)

    def cards(self, words: Wording) -> list[Card]:
        """Every domain that has published something; one that fails does not hide the others.

        Raises:
            PublicationUnreadable: none of them can be found.
        """
        return [self._card(domain, words) for domain in self.data.domains()]

    def domain(self, domain: str, asked: dict[str, str], words: Wording) -> dict[str, Any]:
        """The figures of a domain for a period.

        Raises:
            NotPublished: it has published nothing.
            PublicationUnreadable: it cannot be read.
        """
        declared = self.declared(domain)
        choice = chosen_period(asked, words)
        with self.data.open(domain) as publication:
            boards = [
                {
                    **vars(board),
                    "figures": [
                        (
                            figure_view(figure, declared.masked, publication, choice.period, words),
                            _csv(domain, board.name, figure.name, query_of(choice.period)),
                        )
                        for figure in board.figures
                    ],
                }
                for board in declared.boards
            ]
            links = period_links(declared.boards, publication, choice.period, words)
            as_of = _as_of(publication, words)
        return {
            "base": f"/domains/{domain}",
            "boards": boards,
            "as_of": as_of,
            "period_links": links,
            "period_note": choice.note,
            "since": choice.period.since or "",
            "until": choice.period.until or "",
            "faults": declared.faults,
            "verdict": self.verdict(domain, words),
            "report": self._report(domain),
            "owners": self._owner_sheets(declared),
        }

    def tables(self, domain: str, words: Wording) -> dict[str, Any]:
        """Every published table of a domain with its rows.

        Raises:
            NotPublished: it has published nothing.
            PublicationUnreadable: it cannot be read.
        """
        with self.data.open(domain) as publication:
            counted = [
                (table, words.number(count_of(publication, table)))
                for table in publication.tables.values()
            ]
            as_of = _as_of(publication, words)
        layers = groupby(counted, key=lambda one: one[0].layer)
        return {
            "base": f"/domains/{domain}",
            "as_of": as_of,
            "layers": [(layer, list(tables)) for layer, tables in layers],
        }

    def table(self, domain: str, name: str, words: Wording) -> dict[str, Any]:
        """The first rows of a table, and what its columns mean.

        Args:
            domain: its name.
            name: layer and name of the table.
            words: of the reader.

        Raises:
            NotPublished: there is no such table.
            PublicationUnreadable: it cannot be read.
        """
        declared = self.declared(domain)
        with self.data.open(domain) as publication:
            table = published_table(publication, name)
            names = [one.name for one in table.columns]
            query = select(*table.clause.c).limit(FIRST_ROWS)
            rows = publication.rows(query) if declared.is_known else []
            count = words.number(count_of(publication, table))
            as_of = _as_of(publication, words)
        return {
            "table": table,
            "count": count,
            "as_of": as_of,
            "is_known": declared.is_known,
            "headings": headings_of(table, names),
            "rows": written_rows(names, rows, declared.masked, words),
            "masked": any(one.lower() in declared.masked for one in names),
            "mask": MASK,
            "most": MOST_ROWS,
            "csv": f"/domains/{domain}/tables/{table.layer}/{table.name}.csv",
        }

    def declared(self, domain: str) -> DeclaredDomain:
        """What the project says of a domain."""
        return declared_domain(self.project, domain)

    def verdict(self, domain: str, words: Wording) -> Verdict | None:
        """Whether the data can be used, as the report of its last run says; None without one."""
        try:
            page = self.pages.read(f"{folder_name(domain)}/report.json")
        except AljibeError as error:
            _log.warning("%s", error)
            return None
        if page is None:
            return None
        if self._facts.get(domain, ("",))[0] != page.sha256:
            self._facts[domain] = (page.sha256, _facts_or_none(domain, page.content))
        facts = self._facts[domain][1]
        return domain_verdict(facts, words) if facts else None

    def _card(self, domain: str, words: Wording) -> Card:
        href = f"/domains/{domain}"
        try:
            declared = self.declared(domain)
            numbers = [
                figure
                for board in declared.boards[:1]
                for figure in board.figures
                if figure.show == "number"
            ]
            with self.data.open(domain) as publication:
                views = tuple(
                    figure_view(figure, declared.masked, publication, Period(), words)
                    for figure in numbers[:_FIGURES_ON_A_CARD]
                )
                as_of = _as_of(publication, words)
        except AljibeError as error:
            _log.warning("%s", error)
            return Card(domain, href, "bad", fault=str(error))
        verdict = self.verdict(domain, words)
        return Card(
            domain=domain,
            href=href,
            tone=verdict.tone if verdict else "skip",
            verdict=verdict.say if verdict else "",
            as_of=as_of,
            figures=views,
            has_boards=bool(declared.boards),
            report=self._report(domain),
        )

    def _report(self, domain: str) -> str:
        """Address of the report, if there is one."""
        path = f"{folder_name(domain)}/index.html"
        try:
            return f"/reports/{path}" if self.pages.read(path) else ""
        except AljibeError as error:
            _log.warning("%s", error)
            return ""

    def _owner_sheets(self, declared: DeclaredDomain) -> list[tuple[str, str]]:
        names = dict(declared.owners)
        try:
            paths = self.pages.paths(declared.name)
        except AljibeError as error:
            _log.warning("%s", error)
            return []
        sheets = [path for path in paths if "/owners/" in path]
        return [
            (names.get(Path(path).stem, Path(path).stem), f"/reports/{path}") for path in sheets
        ]


def published_table(publication: Publication, name: str) -> ReadableTable:
    """A table by layer and name.

    Raises:
        NotPublished: there is none.
    """
    table = publication.tables.get(name)
    if table is None:
        raise NotPublished(f"{publication.domain} has no published table {name}.")
    return table


def count_of(publication: Publication, table: ReadableTable) -> int:
    """Rows of a table."""
    return int(publication.rows(select(func.count()).select_from(table.clause))[0][0])


def _as_of(publication: Publication, words: Wording) -> str:
    at = publication.published_at
    return words.moment(at) if at else ""


def _csv(domain: str, board: str, figure: str, query: str) -> dict[str, str]:
    href = f"/domains/{domain}/figures/{board}/{figure}.csv"
    return {"href": f"{href}?{query}" if query else href, "anchor": f"{board}-{figure}"}


def _facts_or_none(domain: str, content: bytes) -> RunFacts | None:
    try:
        return facts_from_json(content)
    except ValueError:
        _log.warning("The report of %s cannot be read; its next run writes it anew.", domain)
        return None
