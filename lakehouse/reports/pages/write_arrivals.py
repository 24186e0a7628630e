"""Write the board of expected files beside the front page, and keep what was told of it."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from lakehouse.quality.arrival_board import BoardRow
from lakehouse.reports.pages.page_files import PageFiles
from lakehouse.reports.pages.places import ARRIVALS, domain_folder
from lakehouse.reports.pages.render import render_arrivals_page
from lakehouse.reports.pages.write_pages import INDEX, refresh_front_page
from lakehouse.reports.views.arrivals_view import build_arrivals_page

TOLD = "arrivals-told.json"
_MOST_TOLD = 5000


def write_arrivals(rows: Sequence[BoardRow], folder: Path, language: str, now: datetime) -> Path:
    """Write `arrivals.html`; the first time the front page too, so that it leads there.

    Args:
        rows: of all domains, newest first.
        folder: of all domains.
        language: of the page.
        now: moment of the judgement.

    Raises:
        OSError: a file could not be written.
    """
    is_first = not (folder / ARRIVALS).is_file()
    has_front = (folder / INDEX).is_file()
    linked = {row.domain for row in rows if (domain_folder(folder, row.domain) / INDEX).is_file()}
    page = build_arrivals_page(rows, language, now, has_front=has_front, linked=linked)
    path = PageFiles(folder).write(ARRIVALS, render_arrivals_page(page))
    if is_first:
        refresh_front_page(folder)
    return path


def told_before(folder: Path) -> list[str]:
    """Ids of events that were told, oldest first; a file that is damaged tells of none."""
    try:
        ids = json.loads((folder / TOLD).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return [str(one) for one in ids] if isinstance(ids, list) else []


def keep_told(folder: Path, ids: Iterable[str]) -> None:
    """Note ids of events that were told, and forget the oldest of many.

    Raises:
        OSError: the file could not be written.
    """
    kept = list(dict.fromkeys([*told_before(folder), *ids]))[-_MOST_TOLD:]
    PageFiles(folder).write(TOLD, json.dumps(kept))
