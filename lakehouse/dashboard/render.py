"""HTML of the dashboard, in the look of the reports. Every value is escaped."""

from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment

from lakehouse.reports.pages.template_environment import template_environment
from lakehouse.reports.wording import LANGUAGES, Wording

LANGUAGE_NAMES = {"en": "English", "es": "Español", "pt": "Português"}
_CHART_HEIGHT = 100
_SLOT = 10


def render(template: str, words: Wording, **values: Any) -> str:
    """Render a page.

    Args:
        template: name of the file without its suffixes.
        words: of the reader's language.
        values: what the template shows.
    """
    shown = _environment().get_template(f"{template}.html.jinja")
    return shown.render(say=words.say, language=words.language, **values)


@cache
def style_sheet() -> str:
    """The look of the reports, and what the dashboard has beside it."""
    reports = resources.files("lakehouse.reports.pages") / "templates" / "page_style.css"
    own = resources.files("lakehouse.dashboard") / "templates" / "dashboard.css"
    return reports.read_text("utf-8") + own.read_text("utf-8")


@cache
def _environment() -> Environment:
    environment = template_environment("lakehouse.dashboard")
    environment.globals.update(
        chart_height=_CHART_HEIGHT,
        slot=_SLOT,
        languages=[(code, LANGUAGE_NAMES[code]) for code in LANGUAGES],
    )
    return environment
