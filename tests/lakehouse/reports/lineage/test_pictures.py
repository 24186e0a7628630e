import base64
import re
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from markdown_it import MarkdownIt
from PIL import Image, ImageChops

from lakehouse.quality.run_facts import Lineage, LineageNode
from lakehouse.reports.lineage.artifact import lineage_markdown
from lakehouse.reports.lineage.layout import lay_out
from lakehouse.reports.lineage.legend import legend_of
from lakehouse.reports.lineage.lettering import cut_middle, text_width
from lakehouse.reports.lineage.png import lineage_png
from lakehouse.reports.lineage.png_letters import spelled
from lakehouse.reports.lineage.standing import LineageWords
from lakehouse.reports.lineage.svg import lineage_svg

HOSTILE = "</text><script>alert(1)</script>\"'&]]>\x00\ufffe\ud800\u202e](x)|`<b>*_$"
SVG = "{http://www.w3.org/2000/svg}"
SPANISH = LineageWords(
    kinds={"model": "modelo", "source": "origen"},
    statuses={"pass": "bien", "warn": "advertencia", "error": "no se pudo ejecutar"},
    not_shown="no se muestran",
    columns=("nombre", "clase", "estado"),
)


def _grid(count: int, layers: int) -> Lineage:
    per = count // layers
    nodes = tuple(
        LineageNode(f"n{at}", f"int_modelo_con_nombre_{at}", "model", "pass" if at % 9 else "warn")
        for at in range(count)
    )
    edges = tuple(
        (f"n{at}", f"n{at + per + step}")
        for at in range(count - per - 2)
        for step in (0, 2)
        if (at + per + step) // per > at // per
    )
    return Lineage(nodes, edges)


def test_every_status_has_a_class_and_a_mark(make_lineage: Callable[..., Lineage]) -> None:
    statuses = ("pass", "warn", "fail", "error", "skipped", None)
    lineage = make_lineage(**{f"m_{status}": {"status": status} for status in statuses})
    picture = etree.fromstring(lineage_svg(lineage, title="t"))
    shown = {
        str(group.findtext(f"{SVG}title")).split(" · ")[0]: (
            group.get("class"),
            group.findtext(f"{SVG}text[@class='mark']") or "",
        )
        for group in picture.iter(f"{SVG}g")
        if group.find(f"{SVG}title") is not None
    }
    assert shown == {
        "m_pass": ("ok", "✓"),
        "m_warn": ("warn", "!"),
        "m_fail": ("bad", "✗"),
        "m_error": ("bad", "✗"),
        "m_skipped": ("skip", "\u2013"),
        "m_None": ("none", ""),
    }


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_no_name_breaks_the_svg(name: str) -> None:
    lineage = Lineage((LineageNode("a", name + HOSTILE, "model", "fail"),))
    picture = etree.fromstring(lineage_svg(lineage, title=name + HOSTILE))
    known = {"svg", "title", "style", "path", "g", "rect", "text"}
    assert {etree.QName(element).localname for element in picture.iter()} <= known
    assert not any(key.startswith("on") for element in picture.iter() for key in element.attrib)


def test_svg_needs_nothing_from_elsewhere(make_lineage: Callable[..., Lineage]) -> None:
    svg = lineage_svg(make_lineage("a>b"), title="a leads to b")
    bare = svg.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|url\(|href|@import|foreignObject|<script", bare)
    assert all("," in variable for variable in re.findall(r"var\(([^)]*)\)", svg))
    root = etree.fromstring(svg)
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "a leads to b"
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"


def test_a_long_name_is_cut_in_the_middle_and_told_whole(
    make_lineage: Callable[..., Lineage],
) -> None:
    name = "int_" + "x" * 300 + "_arg"
    picture = etree.fromstring(lineage_svg(make_lineage(a={"name": name}), title="t"))
    texts = [str(text.text) for text in picture.iter(f"{SVG}text")]
    cut = next(text for text in texts if text.startswith("int_"))
    assert "…" in cut
    assert cut.endswith("_arg")
    assert name in str(picture.findtext(f"{SVG}g/{SVG}title"))


@given(st.text(max_size=60), st.floats(20, 200))
def test_a_cut_text_fits(text: str, most: float) -> None:
    assert text_width(cut_middle(text, 12, most), 12) <= most


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
def test_png_has_the_size_of_its_layout_and_is_opaque(
    make_lineage: Callable[..., Lineage], scale: float
) -> None:
    lineage = make_lineage("a>b", "a>c", a={"kind": "source", "name": "x.ñandú_ç"})
    size = legend_of(lay_out(lineage), LineageWords())
    with Image.open(BytesIO(lineage_png(lineage, scale=scale))) as image:
        assert image.size == (round(size.width * scale), round(size.height * scale))
        assert image.mode == "P"
        assert "transparency" not in image.info
        assert min(image.convert("RGB").getpixel((1, 1))) > 250


def test_png_stays_within_its_pixels() -> None:
    content = lineage_png(_grid(60, 5), scale=4, most_pixels=500_000)
    with Image.open(BytesIO(content)) as image:
        assert 450_000 < image.width * image.height < 510_000


def test_png_of_nothing_and_of_hostile_names_opens(make_lineage: Callable[..., Lineage]) -> None:
    for lineage in (Lineage(), make_lineage(a={"name": HOSTILE}, b={"name": ""})):
        with Image.open(BytesIO(lineage_png(lineage))) as image:
            image.load()


def test_accents_are_drawn_over_letters_of_the_font() -> None:
    assert spelled("añoçé") == ("anoce", ((1, "\u0303"), (3, "\u0327"), (4, "\u0301")))
    assert spelled("Straße 漢 —") == ("Strasse ? -", ())


def test_an_accent_is_ink_above_its_letter(make_lineage: Callable[..., Lineage]) -> None:
    plain, accented = (
        Image.open(BytesIO(lineage_png(make_lineage(a={"name": name}), scale=2))).convert("L")
        for name in ("nnnn", "nñnn")
    )
    changed = ImageChops.difference(plain, accented).point(lambda value: 255 * (value > 60))
    left, top, right, bottom = changed.getbbox() or (0, 0, 0, 0)
    assert 4 < right - left < 16
    assert 2 < bottom - top < 10


def test_markdown_shows_the_picture_and_the_nodes_that_do_not_pass(
    make_lineage: Callable[..., Lineage],
) -> None:
    lineage = make_lineage(
        "a>b", "b>c", b={"status": "warn"}, c={"status": "error"}, a={"status": None}
    )
    words = {"title": "Cómo se arma", "summary": "De a hasta c", "legend": ["una línea"]}
    markdown = lineage_markdown(lineage, **words, words=SPANISH)  # type: ignore[arg-type]
    html = MarkdownIt("gfm-like", {"linkify": False}).render(markdown)
    image = re.search(r'<img src="data:image/png;base64,([^"]+)" alt="De a hasta c"', html)
    assert image is not None
    with Image.open(BytesIO(base64.b64decode(image[1]))) as picture:
        picture.load()
    cells = re.findall(r"<td>(.*?)</td>", html)
    assert cells == ["c", "modelo", "✗ no se pudo ejecutar", "b", "modelo", "! advertencia"]
    assert "<li>una línea</li>" in html


def test_markdown_without_trouble_has_no_table(make_lineage: Callable[..., Lineage]) -> None:
    markdown = lineage_markdown(make_lineage("a>b"), title="t", summary="s", legend=[])
    assert "| --- |" not in markdown


def test_hostile_words_stay_words_in_markdown(make_lineage: Callable[..., Lineage]) -> None:
    lineage = make_lineage(a={"name": HOSTILE, "status": "fail"})
    markdown = lineage_markdown(lineage, title=HOSTILE, summary=HOSTILE, legend=[HOSTILE])
    html = MarkdownIt("gfm-like", {"linkify": False}).render(markdown)
    tags = set(re.findall(r"<(\w+)", html))
    assert tags <= {"h1", "p", "img", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
    assert html.count("<img") == 1
    assert html.count("<td>") == 3


def test_sixty_boxes_make_a_small_artifact() -> None:
    lineage = _grid(100, 5)
    markdown = lineage_markdown(lineage, title="t", summary="s", legend=[])
    assert len(lay_out(lineage).boxes) == 60
    assert len(base64.b64decode(markdown.split("base64,")[1].split(")")[0])) < 150_000
