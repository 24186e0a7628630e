"""The did-not-arrive board: the verdicts of every table of which files are expected."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from lakehouse.lake.ledger import Ledger
from lakehouse.quality.arrival_verdicts import PeriodVerdict, Verdict, judge_arrivals
from lakehouse.source_catalog import Catalog


@dataclass(frozen=True)
class BoardRow:
    """A period of a table.

    Attributes:
        table: `source.table`.
        owner: name of the owner's group; None if none is declared.
    """

    domain: str
    table: str
    owner: str | None
    period: PeriodVerdict

    @property
    def verdict(self) -> Verdict:
        """What became of it."""
        return self.period.verdict


def read_board(catalogs: Iterable[Catalog], ledger: Ledger, now: datetime) -> list[BoardRow]:
    """Judge every table that declares expectations, the newest due moment first.

    Args:
        catalogs: of the domains to look at.
        ledger: what came.
        now: with its zone.
    """
    rows = [
        BoardRow(catalog.domain, table.full_name, table.meta.owner, period)
        for catalog in catalogs
        for table in catalog.tables
        if table.meta.expected
        for period in judge_arrivals(
            table.meta.expected, ledger.deliveries_since(table, None), now, table.meta.regex
        )
    ]
    rows.sort(key=lambda row: (row.domain, row.table))
    return sorted(rows, key=lambda row: row.period.period.due, reverse=True)


def count_verdicts(rows: Sequence[BoardRow]) -> Counter[Verdict]:
    """How many periods have each verdict."""
    return Counter(row.verdict for row in rows)


def language_of(project_dir: Path, domains: Iterable[str]) -> str:
    """The language that most owners of the domains read; English if none says so."""
    said: Counter[str] = Counter()
    for domain in domains:
        for path in sorted((project_dir / "models" / domain).rglob("*groups.yml")):
            content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            for group in content.get("groups") or ():
                meta = (group.get("config") or {}).get("meta") or {}
                said.update([str(meta["language"])] if meta.get("language") else [])
    return said.most_common(1)[0][0] if said else "en"
