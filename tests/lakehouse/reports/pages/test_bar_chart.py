from lxml import html

from lakehouse.reports.pages.bar_chart import bar_rects, chart_width
from lakehouse.reports.views.view_types import Bar, Chart


def rects(chart: Chart) -> list:
    return html.fragment_fromstring(bar_rects(chart), create_parent="svg").xpath("rect")


def test_the_newest_bar_stands_at_the_right_and_the_highest_fills_the_chart() -> None:
    values = (4.0, 0.0, None, 2.0)
    chart = Chart("", tuple(Bar(value, "ok", "") for value in values), "")
    drawn = rects(chart)
    assert int(drawn[-1].get("x")) + int(drawn[-1].get("width")) == chart_width(chart) == 300
    assert [bar.get("y") for bar in drawn] == ["0", "57", "0", "30"]
    assert [bar.get("height") for bar in drawn] == ["60", "3", "60", "30"]
    assert [bar.get("class") for bar in drawn] == ["ok", "ok", "ok unknown", "ok"]


def test_a_chart_of_nothing_but_zeros_has_only_low_bars() -> None:
    chart = Chart("", (Bar(0, "ok", ""),) * 40, "")
    assert chart_width(chart) == 400
    assert {bar.get("height") for bar in rects(chart)} == {"3"}


def test_a_label_is_text() -> None:
    (bar,) = rects(Chart("", (Bar(1, "bad", "</title><script>\x00"),), ""))
    assert bar.xpath("title")[0].text == "</title><script>\ufffd"
