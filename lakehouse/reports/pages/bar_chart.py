"""Bars of the last runs as SVG shapes, which a page stretches to the width that it has."""

from markupsafe import Markup, escape

from lakehouse.reports.pages.showable_text import showable
from lakehouse.reports.views.view_types import Bar, Chart

HEIGHT = 60
_LOWEST = 3
_SLOT = 10
_BAR = 7
_FEWEST_SLOTS = 30


def chart_width(chart: Chart) -> int:
    """Width of all slots; there are at least 30, so that few bars do not become broad."""
    return max(_FEWEST_SLOTS, len(chart.bars)) * _SLOT


def bar_rects(chart: Chart) -> Markup:
    """A rectangle for each bar, the newest at the right edge; the highest fills the height.

    A run of which nothing is known is a bar of the class `unknown` over the whole height.
    """
    highest = max((bar.value for bar in chart.bars if bar.value is not None), default=0) or 1
    first = chart_width(chart) - len(chart.bars) * _SLOT + _SLOT - _BAR
    rects = [_rect(bar, first + at * _SLOT, highest) for at, bar in enumerate(chart.bars)]
    return Markup("".join(rects))  # noqa: S704 - the labels are escaped


def _rect(bar: Bar, left: int, highest: float) -> str:
    share = 1.0 if bar.value is None else max(0.0, bar.value / highest)
    height = max(_LOWEST, round(HEIGHT * share))
    unknown = " unknown" if bar.value is None else ""
    return (
        f'<rect class="{bar.tone}{unknown}" x="{left}" y="{HEIGHT - height}" width="{_BAR}" '
        f'height="{height}"><title>{escape(showable(bar.label))}</title></rect>'
    )
