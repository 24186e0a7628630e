from dataclasses import replace
from types import SimpleNamespace

import pytest
from jinja2 import UndefinedError
from lxml import html

from lakehouse.quality.run_facts import Lineage, LineageNode
from lakehouse.reports.pages.render import (
    link_target,
    render_domain_page,
    render_front_page,
    render_owner_sheet,
    render_test_page,
)
from lakehouse.reports.views.view_types import (
    Bar,
    Cell,
    Chart,
    Column,
    DomainPage,
    Frame,
    FrontPage,
    Grid,
    Link,
    OwnerSheet,
    Section,
    Tag,
    TestPage,
    TestView,
    Verdict,
)

HOSTILE = """</style></title><script>alert('x')</script> "' onerror=x {{ 7*7 }} &amp; ]]>"""
FRAME = Frame("es", "Ventas", "pharma", "21 nov 2026, 06:03 UTC", (Link("subir", "index.html"),))
VERDICT = Verdict("Puede usar los datos.", "", "ok", (Tag("3 bien", "ok"),))
CHART = Chart("Fallas", (Bar(0, "ok", "20 nov: 0"), Bar(2, "warn", "21 nov: 2")), "Hoy 2.")
NOTHING = Lineage()


def view(**overrides: object) -> TestView:
    fields = {
        "title": "Facturas repetidas",
        "name": "unique_stg_id",
        "status": Tag("advertencia", "warn"),
        "change": "NUEVA",
        "count": "2 filas",
        "checks": "Cada factura una vez.",
        "todo": "Pida el archivo.",
        "facts": (("modelo", "stg"),),
        "chart": CHART,
        "href": "tests/unique-stg-id.html",
        "artifact": "dbt-test-x",
        **overrides,
    }
    return TestView(**fields)


def sheet(**overrides: object) -> OwnerSheet:
    fields = {
        "frame": FRAME,
        "verdict": VERDICT,
        "look_at": (view(),),
        "resolved": (),
        "flow": Grid((Column("tabla"),), ((Cell("ventas"),),)),
        "lineage": NOTHING,
        "lineage_summary": "",
        **overrides,
    }
    return OwnerSheet(**fields)


def grid(*cells: Cell) -> Grid:
    return Grid((Column("a"),) * len(cells), (cells,))


def elements(page: str, path: str) -> list:
    return html.document_fromstring(page).xpath(path)


def test_every_place_of_a_test_page_shows_hostile_text_as_text() -> None:
    hostile = view(
        title=HOSTILE,
        name=HOSTILE,
        status=Tag(HOSTILE, "bad"),
        change=HOSTILE,
        count=HOSTILE,
        checks=HOSTILE,
        todo=HOSTILE,
        budget=HOSTILE,
        facts=((HOSTILE, HOSTILE),),
        chart=Chart(HOSTILE, (Bar(1, "ok", HOSTILE),), HOSTILE),
        rows=Grid((Column(HOSTILE),), ((Cell(HOSTILE),), (Cell(HOSTILE, "strong"),)), HOSTILE),
        rows_note=HOSTILE,
        incidents=grid(Cell(HOSTILE, "code"), Cell(HOSTILE, "tag"), Cell(HOSTILE, "empty")),
        message=HOSTILE,
        query=HOSTILE,
        sql=HOSTILE,
    )
    frame = Frame("es", HOSTILE, HOSTILE, HOSTILE, (Link(HOSTILE, "index.html"),), HOSTILE)
    page = render_test_page(TestPage(frame, hostile))
    assert elements(page, "//script") == []
    assert elements(page, "//@onerror") == []
    assert len(elements(page, "//style")) == 1
    text = elements(page, "string(/)")
    assert text.count("<script>alert('x')</script>") >= 25
    assert "49" not in text


def test_every_place_of_the_other_pages_shows_hostile_text_as_text() -> None:
    verdict = Verdict(HOSTILE, HOSTILE, "bad", (Tag(HOSTILE, "bad"),))
    lineage = Lineage((LineageNode("a", HOSTILE, "model", "pass"),))
    section = Section(HOSTILE, (HOSTILE, HOSTILE), grid(Cell(HOSTILE)), HOSTILE)
    frame = Frame("es", HOSTILE, HOSTILE, HOSTILE)
    chart = Chart(HOSTILE, (Bar(1, "ok", HOSTILE),), HOSTILE)
    domain = DomainPage(
        frame,
        verdict,
        HOSTILE,
        HOSTILE,
        (section,),
        (chart,),
        grid(Cell(HOSTILE, small=HOSTILE), Cell(HOSTILE, "name")),
        lineage,
        HOSTILE,
    )
    owner = sheet(
        frame=frame, verdict=verdict, lineage=lineage, more=(section,), not_loaded=section
    )
    domains = [(Link(HOSTILE, "x/index.html"), verdict, HOSTILE)]
    front = FrontPage(frame, verdict, domains, (HOSTILE,))
    pages = [
        render_domain_page(domain),
        render_owner_sheet(owner),
        render_front_page(front),
    ]
    for page in pages:
        assert elements(page, "//script") == []
        assert elements(page, "//@onerror") == []
        assert "<script>alert('x')</script>" in elements(page, "string(//main)")


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://example.com/x",
        "//example.com/x",
        "/etc/passwd",
        "\\\\server\\x",
        "http:example",
        "http://[broken",
        "",
    ],
)
def test_a_link_with_another_scheme_or_root_leads_nowhere(href: str) -> None:
    assert link_target(href, "../") is None
    frame = replace(FRAME, links=(Link("corrida", href),))
    rows = grid(Cell("valor", href=href))
    page = render_test_page(TestPage(frame, view(rows=rows)))
    assert elements(page, "//header//a") == []
    assert elements(page, "//td//a") == []
    assert "corrida" in elements(page, "string(//header)")


def test_links_are_relative_to_the_folder_of_the_page() -> None:
    run = Link("corrida", "https://prefect.example.com/runs/1")
    frame = replace(FRAME, links=(run, Link("subir", "../index.html")))
    test = render_test_page(TestPage(frame, view()))
    assert elements(test, "//header//a/@href") == [run.href, "../../index.html"]
    assert elements(test, "//header//a/@rel") == ["noopener noreferrer"]
    domain = DomainPage(frame, VERDICT, "", "", (), (), grid(), NOTHING, "")
    assert elements(render_domain_page(domain), "//header//a/@href") == [run.href, "../index.html"]
    assert elements(render_owner_sheet(sheet()), "//h3//a/@href") == ["../tests/unique-stg-id.html"]


def test_characters_that_cannot_be_shown_or_turn_text_do_not_reach_the_page() -> None:
    rows = grid(Cell("a\x00b\x1b[31m"), Cell("fac\u202etura"), Cell("half \ud83d"), Cell("שלום"))
    page = render_test_page(TestPage(FRAME, view(rows=rows)))
    page.encode("utf-8")
    shown = [cell.text_content() for cell in elements(page, "//td")]
    assert shown == ["a\ufffdb\ufffd[31m", "factura", "half \ufffd", "שלום"]


def test_a_long_name_may_break_behind_its_underscores_and_is_copied_whole() -> None:
    rows = Grid((Column("precio_unit"),), ((Cell("ventas_bra_<b>.csv", "code"),),))
    page = render_test_page(TestPage(FRAME, view(rows=rows)))
    (head,), (cell,) = elements(page, "//th"), elements(page, "//td")
    assert (head.text_content(), cell.text_content()) == ("precio_unit", "ventas_bra_<b>.csv")
    assert len(cell.xpath(".//wbr")) == 2


def test_only_the_value_because_of_which_a_row_fails_is_marked() -> None:
    rows = grid(Cell("consume.fct", "name"), Cell("BRA-001", "strong"))
    page = render_test_page(TestPage(FRAME, view(rows=rows)))
    assert [one.text_content() for one in elements(page, "//mark")] == ["BRA-001"]
    assert [one.text_content() for one in elements(page, "//td/b")] == ["consume.fct"]


def test_the_own_name_of_a_test_stands_below_its_title() -> None:
    tests = grid(Cell("Facturas repetidas", href="tests/a.html", small="unique_stg_id"))
    domain = DomainPage(FRAME, VERDICT, "", "", (), (), tests, NOTHING, "")
    (cell,) = elements(render_domain_page(domain), "//td")
    assert cell.xpath("string(a)") == "Facturas repetidas"
    assert cell.xpath("string(*[contains(@class, 'small')])") == "unique_stg_id"


def test_what_was_not_loaded_stands_right_behind_what_to_look_at() -> None:
    refused = Section("Lo que no se cargó", ("Corríjalo.",), grid(Cell("malo.csv", "code")))
    page = render_owner_sheet(sheet(not_loaded=refused))
    assert [one.text for one in elements(page, "//h2")] == [
        "Qué hay que mirar",
        "Lo que no se cargó",
        "Qué llegó y qué salió",
    ]


def test_a_check_that_its_title_tells_is_not_told_twice() -> None:
    for page in (
        render_test_page(TestPage(FRAME, view(checks=""))),
        render_owner_sheet(sheet(look_at=(view(checks=""),))),
    ):
        assert "Qué revisa" not in elements(page, "string(//main)")


def test_the_picture_knows_how_wide_it_is_drawn() -> None:
    lineage = Lineage((LineageNode("a", "stg", "model", "pass"),))
    page = render_owner_sheet(sheet(lineage=lineage))
    (picture,) = elements(page, "//*[contains(@class, 'picture')]")
    width = picture.xpath(".//*[local-name()='svg']/@width")[0]
    assert picture.get("style") == f"--natural: {width}px"


def test_lines_of_sql_stay_lines() -> None:
    page = render_test_page(TestPage(FRAME, view(sql="select 1\n  from a\nwhere b < 2")))
    assert elements(page, "//pre")[-1].text == "select 1\n  from a\nwhere b < 2"


def test_the_page_says_its_language_and_forbids_every_request() -> None:
    page = render_test_page(TestPage(FRAME, view()))
    assert elements(page, "/html/@lang") == ["es"]
    (policy,) = elements(page, "//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
    assert len(elements(page, "//h1")) == len(elements(page, "//main")) == 1
    assert elements(page, "//*[@class='skip-link']/@href") == ["#content"]
    assert elements(page, "//summary")[0].text.startswith("Para ingeniería")


def test_a_test_in_order_has_no_sections_without_content() -> None:
    passing = view(status=Tag("bien", "ok"), todo="", chart=replace(CHART, bars=()))
    page = render_test_page(TestPage(FRAME, passing))
    assert [title.text for title in elements(page, "//h2")] == ["Detalles"]


def test_a_test_beyond_its_budget_stands_out() -> None:
    over = view(budget="2 filas; el límite es 1.", over_budget=True)
    within = replace(over, over_budget=False)
    page = render_owner_sheet(sheet(look_at=(over, within)))
    assert [one.get("class") for one in elements(page, "//p[contains(., 'límite')]")] == [
        "over bad",
        "note",
    ]


def test_a_chart_has_a_bar_for_each_run_and_says_it_in_words() -> None:
    page = render_test_page(TestPage(FRAME, view()))
    (chart,) = elements(page, "//*[local-name()='svg']")
    assert chart.get("role") == "img"
    assert chart.get("aria-label") == "Hoy 2."
    assert [bar.text for bar in elements(page, "//rect/title")] == ["20 nov: 0", "21 nov: 2"]


def test_a_damaged_report_is_named_on_the_front_page() -> None:
    page = render_front_page(FrontPage(FRAME, VERDICT, [], ("El informe de olist no se lee.",)))
    assert elements(page, "//p[@class='over bad']")[0].text == "El informe de olist no se lee."


def test_a_view_without_a_field_fails_instead_of_leaving_a_hole() -> None:
    fields = {name: value for name, value in vars(view()).items() if name != "checks"}
    with pytest.raises(UndefinedError, match="checks"):
        render_test_page(TestPage(FRAME, SimpleNamespace(**fields)))
