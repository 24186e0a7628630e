import pytest

from lakehouse.quality.receipt import Receipt, ReceiptColumn
from lakehouse.quality.run_facts import facts_from_json, facts_to_json
from lakehouse.reports.pages.render import render_domain_page
from lakehouse.reports.views.domain_view import build_domain_page
from lakehouse.reports.views.receipt_section import receipt_grid
from lakehouse.reports.views.view_types import Cell, Column
from lakehouse.reports.wording import Wording

EN, PT = Wording.of("en"), Wording.of("pt")
STEP, ROWS = ReceiptColumn("step"), ReceiptColumn("rows", "", True, 0)


def make_receipt(**overrides):
    fields = {
        "name": "mart_receipt",
        "description": "Every row delivered\n is loaded or rejected.",
        "columns": (STEP, ROWS),
        "rows": (("orders", "99441"),),
        "total": 1,
        **overrides,
    }
    return Receipt(**fields)


def sections(facts, title="Reconciliation"):
    page = build_domain_page(facts)
    return [section for section in page.sections if section.title.startswith(title)]


def shown(value, column, words):
    receipt = make_receipt(columns=(column,), rows=((value,),))
    return receipt_grid(receipt, words).rows[0][0]


def test_a_receipt_is_a_section_behind_what_went_out_with_its_description(make_facts, make_model):
    facts = make_facts(make_model(name="fct_orders"), receipts=(make_receipt(),))
    titles = [section.title for section in build_domain_page(facts).sections]
    assert titles[titles.index("Reconciliation") - 1] == "What went out"
    assert titles[titles.index("Reconciliation") + 1] == "Models"
    (section,) = sections(facts)
    assert section.lines == ("Every row delivered is loaded or rejected.",)
    assert section.grid.columns == (Column("step"), Column("rows", numeric=True))
    assert section.grid.rows == ((Cell("orders"), Cell("99,441", "number")),)


def test_without_a_receipt_nothing_is_shown(make_facts, make_model):
    assert sections(make_facts(make_model())) == []


def test_several_receipts_are_told_apart_by_their_models(make_facts):
    facts = make_facts(receipts=(make_receipt(), make_receipt(name="mart_money")))
    assert [section.title for section in sections(facts)] == [
        "Reconciliation: mart_receipt",
        "Reconciliation: mart_money",
    ]


@pytest.mark.parametrize(
    ("value", "decimals", "en", "pt"),
    [
        ("99441", 0, "99,441", "99.441"),
        ("-7", 0, "-7", "-7"),
        ("13591643.70", 2, "13,591,643.70", "13.591.643,70"),
        ("123456789012345678.12", 2, "123,456,789,012,345,678.12", "123.456.789.012.345.678,12"),
        ("0.30000000000000004", None, "0.3", "0,3"),
        ("1e+20", None, "100,000,000,000,000,000,000", "100.000.000.000.000.000.000"),
        ("nan", None, "nan", "nan"),
        ("-inf", None, "-inf", "-inf"),
        ("9" * 38, 0, "9" * 38, "9" * 38),
    ],
)
def test_numbers_are_written_as_the_language_does(value, decimals, en, pt):
    column = ReceiptColumn("n", "", True, decimals)
    assert shown(value, column, EN) == Cell(en, "number")
    assert shown(value, column, PT) == Cell(pt, "number")


def test_what_is_missing_or_blank_or_no_number_is_said_as_it_is():
    assert shown(None, ROWS, PT) == Cell("(vazio)", "empty")
    assert shown(" ", STEP, EN) == Cell("(blank)", "empty")
    assert shown("007", STEP, EN) == Cell("007")
    assert shown("••••••", ReceiptColumn("email"), EN) == Cell("••••••")


def test_descriptions_are_heads_and_no_two_heads_are_the_same():
    columns = (
        ReceiptColumn("a", "Linhas\n entregues."),
        ReceiptColumn("b", "Linhas entregues"),
        ReceiptColumn("c"),
        ReceiptColumn("d", "word " * 40),
    )
    grid = receipt_grid(make_receipt(columns=columns, rows=()), PT)
    heads = [column.text for column in grid.columns]
    assert heads[:3] == ["Linhas entregues", "Linhas entregues (b)", "c"]
    assert (len(heads[3]) <= 60, heads[3].endswith("…")) == (True, True)


def test_a_cut_an_empty_and_an_unreadable_table_say_so(make_facts):
    cut = make_receipt(total=1234)
    assert receipt_grid(cut, EN).note == "The first 1 of 1,234 rows."
    empty = make_receipt(rows=(), total=0)
    unreadable = make_receipt(columns=(), rows=(), total=0, readable=False)
    facts = make_facts(receipts=(empty, unreadable))
    assert [(section.grid, section.note) for section in sections(facts)] == [
        (None, "This table is empty."),
        (None, "This table could not be read."),
    ]


def test_the_page_escapes_values_and_sets_numbers_to_the_right(make_facts):
    nasty = make_receipt(
        description="<b>lead</b>",
        columns=(ReceiptColumn("<i>"), ROWS),
        rows=(("<script>alert(1)</script>", "99441"),),
    )
    page = render_domain_page(build_domain_page(make_facts(receipts=(nasty,))))
    assert '<td class="n"><bdi>99,441</bdi></td>' in page
    assert "&lt;b&gt;lead&lt;/b&gt;" in page
    assert "<script>alert" not in page


def test_receipts_survive_the_report_for_machines(make_facts):
    facts = make_facts(receipts=(make_receipt(rows=(("orders", None), ("items", "1.50"))),))
    assert facts_from_json(facts_to_json(facts)).receipts == facts.receipts
