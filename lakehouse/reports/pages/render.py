"""HTML of the pages, from what they show. Every value is escaped; nothing external is asked for."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment
from markupsafe import Markup

from lakehouse.quality.run_facts import Lineage
from lakehouse.reports.pages.bar_chart import bar_rects, chart_width
from lakehouse.reports.pages.page_words import lineage_words
from lakehouse.reports.pages.showable_text import showable
from lakehouse.reports.pages.template_environment import template_environment
from lakehouse.reports.views.arrivals_view import ArrivalsPage
from lakehouse.reports.views.health_view import HealthPage
from lakehouse.reports.views.view_types import (
    DomainPage,
    Frame,
    FrontPage,
    OwnerSheet,
    TestPage,
    Tone,
)
from lakehouse.reports.wording import Wording

_ICON_COLOURS = {"ok": "1f8a55", "warn": "d08700", "bad": "c8322a", "skip": "71807a"}


@dataclass(frozen=True)
class _Picture:
    svg: Markup
    width: str


def render_test_page(page: TestPage) -> str:
    """The page of one test, which lies in a folder below the domain's."""
    return _render("test_page", page.frame, page.test.status.tone, up="../", test=page.test)


def render_owner_sheet(sheet: OwnerSheet) -> str:
    """The sheet of an owner, which lies in a folder below the domain's."""
    lineage = _picture(sheet.lineage, sheet.lineage_summary, sheet.frame)
    tone = sheet.verdict.tone
    return _render("owner_sheet", sheet.frame, tone, up="../", sheet=sheet, lineage=lineage)


def render_domain_page(page: DomainPage) -> str:
    """The page of a domain."""
    lineage = _picture(page.lineage, page.lineage_summary, page.frame)
    return _render("domain_page", page.frame, page.verdict.tone, page=page, lineage=lineage)


def render_front_page(page: FrontPage) -> str:
    """The page over all domains."""
    return _render("front_page", page.frame, page.verdict.tone, page=page)


def render_arrivals_page(page: ArrivalsPage) -> str:
    """The board of expected files, beside the page over all domains."""
    return _render("arrivals_page", page.frame, page.verdict.tone, page=page)


def render_health_page(page: HealthPage) -> str:
    """What has to go on by itself, beside the page over all domains."""
    return _render("health_page", page.frame, page.verdict.tone, page=page)


def link_target(href: str, up: str) -> str | None:
    """Where a link leads from a page, or None if it must not lead anywhere.

    Args:
        href: relative to the domain's folder, or an absolute address.
        up: way from the page's folder to the domain's.
    """
    if is_absolute(href):
        return href
    # A browser drops spaces and control characters before it looks for a scheme.
    seen = re.sub(r"[\x00-\x20]", "", href)
    is_relative = bool(seen) and not re.match(r"[a-z][a-z0-9+.-]*:|[/\\]", seen, re.IGNORECASE)
    return up + href if is_relative else None


def is_absolute(href: str) -> bool:
    """Whether this is an address of the web; no other scheme is linked to."""
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _picture(lineage: Lineage, summary: str, frame: Frame) -> _Picture | None:
    if not lineage.nodes:
        return None
    drawn = _drawn(lineage, summary, frame.language)
    width = drawn.partition('width="')[2].partition('"')[0]
    return _Picture(Markup(showable(drawn)), width)  # noqa: S704 - its names are escaped


@lru_cache(maxsize=64)
def _drawn(lineage: Lineage, summary: str, language: str) -> str:
    """The picture as SVG; the pages of a publication show the same ones as those of its build."""
    # A run that shows what an earlier one drew needs no graph library.
    from lakehouse.reports.lineage.svg import lineage_svg  # noqa: PLC0415

    wording = Wording.of(language)
    title = summary or wording.say("page.how_built")
    return lineage_svg(lineage, title=title, words=lineage_words(wording))


def _render(template: str, frame: Frame, tone: Tone, *, up: str = "", **values: Any) -> str:
    say = Wording.of(frame.language).say
    shown = _environment().get_template(f"{template}.html.jinja")
    return shown.render(frame=frame, tone=tone, up=up, say=say, **values)


@cache
def _environment() -> Environment:
    environment = template_environment("lakehouse.reports.pages")
    environment.globals.update(
        bar_rects=bar_rects,
        chart_width=chart_width,
        icon_colours=_ICON_COLOURS,
        is_absolute=is_absolute,
        target=link_target,
    )
    return environment
