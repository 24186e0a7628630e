"""Tables and figures as files; the publication is closed before anything is sent."""

from collections.abc import Mapping
from typing import IO

from sqlalchemy import select

from lakehouse.dashboard.csv_file import write_csv
from lakehouse.dashboard.figure_query import FigureUnfit, figure_query, table_of, value_of
from lakehouse.dashboard.period_choice import chosen_period
from lakehouse.dashboard.site import Site, published_table
from lakehouse.errors import NotPublished
from lakehouse.reports.wording import Wording


def table_file(site: Site, domain: str, name: str) -> IO[bytes]:
    """A whole table, with personal columns masked.

    Raises:
        NotPublished: there is no such table, or the project does not say what of it is personal.
        PublicationUnreadable: it cannot be read.
    """
    declared = site.declared(domain)
    if not declared.is_known:
        raise NotPublished(f"{domain} is not declared by the project.")
    with site.data.open(domain) as publication:
        table = published_table(publication, name)
        names = [one.name for one in table.columns]
        batches = publication.batches(select(*table.clause.c))
        return write_csv(names, batches, declared.masked)


def figure_file(
    site: Site, domain: str, named: tuple[str, str], asked: Mapping[str, str], words: Wording
) -> IO[bytes]:
    """The values of a figure, as numbers.

    Args:
        site: what is read.
        domain: its name.
        named: board and figure.
        asked: period, as in the address of the page.
        words: of the reader.

    Raises:
        NotPublished: there is no such figure, or its table is not published.
        PublicationUnreadable: it cannot be read.
    """
    declared = site.declared(domain)
    found = [
        figure
        for board in declared.boards
        for figure in board.figures
        if (board.name, figure.name) == named
    ]
    if not found:
        raise NotPublished(f"{domain} has no figure {'.'.join(named)}.")
    figure = found[0]
    with site.data.open(domain) as publication:
        try:
            table = table_of(figure, publication.tables)
        except FigureUnfit as unfit:
            raise NotPublished(words.say("dashboard.figure_missing", name=str(unfit))) from None
        rows = publication.rows(figure_query(figure, table, chosen_period(asked, words).period))
    if figure.show == "table":
        return write_csv(figure.columns, [rows], declared.masked)
    label = {"months": ["month"], "bars": [str(figure.by)]}.get(figure.show, [])
    kept = [(*row[: len(label)], value_of(row[len(label) :])) for row in rows]
    return write_csv([*label, figure.name], [kept], declared.masked)
