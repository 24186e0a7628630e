"""Write the pages of one run beside those of the other domains.

Order: tests, owners, `report.json`, the domain's index, the front page, and only then what is no
longer needed goes. A run that is killed at any point leaves no link into nothing.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lakehouse.health.health_look import read_look
from lakehouse.quality.run_facts import RunFacts, facts_from_json, facts_to_json
from lakehouse.reports.artifacts.artifact_keys import folder_name
from lakehouse.reports.checks import checks_of
from lakehouse.reports.pages.page_files import PageFiles, remove_abandoned
from lakehouse.reports.pages.places import ARRIVALS, HEALTH, HEALTH_LOOK, domain_folder
from lakehouse.reports.pages.render import (
    render_domain_page,
    render_front_page,
    render_owner_sheet,
    render_test_page,
)
from lakehouse.reports.views.domain_view import build_domain_page
from lakehouse.reports.views.front_view import build_front_page
from lakehouse.reports.views.health_view import build_health_card
from lakehouse.reports.views.owner_view import build_owner_sheet, owner_href
from lakehouse.reports.views.test_view import build_test_page_view
from lakehouse.reports.views.view_types import HealthCard
from lakehouse.reports.wording import Wording

REPORT = "report.json"
INDEX = "index.html"
TESTS = "tests"
OWNERS = "owners"


@dataclass(frozen=True)
class PagesWritten:
    """What became of the pages.

    Attributes:
        index: the domain's page.
        front: the page over all domains.
        written: files that are new or changed.
        unchanged: files that already held the same.
        removed: pages of tests and owners that are no more.
        damaged: folders of domains whose `report.json` cannot be read; the front page names them.
    """

    index: Path
    front: Path
    written: int
    unchanged: int
    removed: int
    damaged: tuple[str, ...] = ()


def write_pages(facts: RunFacts, folder: Path, *, tests: bool = True) -> PagesWritten:
    """Write the pages of a run, `report.json`, and the front page over all domains.

    Args:
        facts: the run.
        folder: of all domains; it and what is missing below it are made.
        tests: write the pages of tests too; what changed may be nothing that they show.

    Raises:
        OSError: a file could not be written; the pages that were there stay.
    """
    files = PageFiles(domain_folder(folder, facts.domain))
    for test in checks_of(facts.results) if tests else ():
        page = build_test_page_view(facts, test)
        files.write(page.test.href, render_test_page(page))
    for group in facts.groups:
        sheet = build_owner_sheet(facts, group)
        files.write(owner_href(facts, group.name), render_owner_sheet(sheet))
    files.write(REPORT, facts_to_json(facts))
    index = files.write(INDEX, render_domain_page(build_domain_page(facts)))
    fronts = PageFiles(folder)
    shown, damaged = _reports(fronts.folder, facts)
    front = _write_front(shown, damaged, facts.language, fronts)
    files.remove_others((TESTS, OWNERS) if tests else (OWNERS,))
    remove_abandoned(files.folder)
    remove_abandoned(folder)
    return PagesWritten(
        index=index,
        front=front,
        written=files.written + fronts.written,
        unchanged=files.unchanged + fronts.unchanged,
        removed=files.removed,
        damaged=damaged,
    )


def refresh_front_page(folder: Path) -> Path | None:
    """Write the front page anew from the reports on disk, in the language of the newest.

    Args:
        folder: of all domains.

    Returns:
        The page; None if there is no report yet.

    Raises:
        OSError: it could not be written.
    """
    shown, damaged = _reports(folder)
    if not shown:
        return None
    newest = max(shown.values(), key=lambda facts: facts.started_at)
    return _write_front(shown, damaged, newest.language, PageFiles(folder))


def _reports(
    folder: Path, facts: RunFacts | None = None
) -> tuple[dict[str, RunFacts], tuple[str, ...]]:
    """Reports by the name of their folder, and the names of those that cannot be read."""
    shown = {folder_name(facts.domain): facts} if facts else {}
    damaged = []
    for report in sorted(folder.glob(f"*/{REPORT}")):
        name = report.parent.name
        # A domain whose first run is being written, or was killed, has no page to lead to yet.
        if name in shown or not (report.parent / INDEX).is_file():
            continue
        try:
            found = facts_from_json(report.read_bytes())
        except (OSError, ValueError):
            damaged.append(name)
            continue
        if folder_name(found.domain) == name:
            # The history is most of a report, and the front page shows none of it.
            shown[name] = replace(found, history={})
        else:
            damaged.append(name)
    return shown, tuple(damaged)


def _write_front(
    shown: dict[str, RunFacts], damaged: tuple[str, ...], language: str, fronts: PageFiles
) -> Path:
    page = build_front_page(
        [shown[name] for name in sorted(shown)],
        language,
        damaged,
        arrivals=ARRIVALS if (fronts.folder / ARRIVALS).is_file() else None,
        health=_health(fronts.folder, language),
    )
    return fronts.write(INDEX, render_front_page(page))


def _health(folder: Path, language: str) -> HealthCard | None:
    look = read_look(folder / HEALTH_LOOK)
    if look is None:
        return None
    return build_health_card(look, Wording.of(language), HEALTH, datetime.now(UTC))
