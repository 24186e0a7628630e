"""Write the newest look at the health beside the front page, which says what it found."""

from pathlib import Path

from lakehouse.health.health_look import HealthLook
from lakehouse.reports.pages.page_files import PageFiles
from lakehouse.reports.pages.places import HEALTH, HEALTH_LOOK
from lakehouse.reports.pages.render import render_health_page
from lakehouse.reports.pages.write_pages import INDEX, refresh_front_page
from lakehouse.reports.views.health_view import build_health_page


def write_health(look: HealthLook, folder: Path, language: str) -> Path:
    """Write `health.json` and `health.html`, then the front page anew.

    Args:
        look: what was found.
        folder: of all domains.
        language: of the page.

    Raises:
        OSError: a file could not be written; what was there stays.
    """
    files = PageFiles(folder)
    page = build_health_page(look, language, has_front=(folder / INDEX).is_file())
    path = files.write(HEALTH, render_health_page(page))
    files.write(HEALTH_LOOK, look.model_dump_json(indent=1))
    refresh_front_page(folder)
    return path
