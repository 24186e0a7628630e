import json

from markdown_it import MarkdownIt

from lakehouse.quality.receipt import Receipt, ReceiptColumn
from lakehouse.reports.artifacts.artifact_keys import receipt_key
from lakehouse.reports.artifacts.receipt_table import (
    build_receipt_table,
    receipt_description,
)

NASTY = "</td><script>alert(1)</script> [x](javascript:a) | `b`"
COLUMNS = (ReceiptColumn("passo", "Onde se conta."), ReceiptColumn("linhas", "", True, 0))


def make_receipt(**overrides):
    fields = {
        "name": "mart_receipt",
        "description": "Toda linha entregue é carregada ou recusada.",
        "columns": COLUMNS,
        "rows": (("pedidos", "99441"), ("itens", None)),
        "total": 2,
        **overrides,
    }
    return Receipt(**fields)


def test_the_key_names_the_domain():
    assert receipt_key("pharma_latam") == "receipt-pharma-latam"


def test_a_row_is_what_people_read_in_their_language(make_facts):
    facts = make_facts(receipts=(make_receipt(),), language="pt")
    assert build_receipt_table(facts) == [
        {"Onde se conta": "pedidos", "linhas": "99.441"},
        {"Onde se conta": "itens", "linhas": "(vazio)"},
    ]
    assert receipt_description(facts) == "Toda linha entregue é carregada ou recusada."


def test_without_a_receipt_or_without_rows_there_is_no_table(make_facts):
    assert build_receipt_table(make_facts()) == []
    assert build_receipt_table(make_facts(receipts=(make_receipt(rows=(), total=0),))) == []


def test_a_table_that_is_cut_says_so_in_its_last_row(make_facts):
    table = build_receipt_table(make_facts(receipts=(make_receipt(total=1234),)))
    assert table[-1] == {"Onde se conta": "The first 2 of 1,234 rows.", "linhas": ""}


def test_several_receipts_stand_in_one_table_each_row_with_all_columns(make_facts):
    money = make_receipt(
        name="mart_money",
        description="",
        columns=(ReceiptColumn("passo", "Onde se conta."), ReceiptColumn("total", "", True, 2)),
        rows=(("pedidos", "1.50"),),
        total=1,
    )
    facts = make_facts(receipts=(money, make_receipt()))
    first, *others = build_receipt_table(facts)
    assert first == {
        "Reconciliation": "mart_money",
        "Onde se conta": "pedidos",
        "total": "1.50",
        "linhas": "",
    }
    assert all(row.keys() == first.keys() for row in others)
    assert {row["Reconciliation"] for row in others} == {"mart_receipt"}
    assert receipt_description(facts).startswith("Toda linha")
    json.dumps([first, *others])


def test_a_receipt_without_a_description_is_called_by_what_it_is(make_facts):
    facts = make_facts(receipts=(make_receipt(description=""),), language="es")
    assert receipt_description(facts) == "Conciliación"


def test_values_never_become_markup(make_facts):
    nasty = make_receipt(
        name=NASTY,
        description=NASTY,
        columns=(ReceiptColumn(NASTY, NASTY), ReceiptColumn("n")),
        rows=((NASTY, NASTY),),
    )
    facts = make_facts(receipts=(nasty, nasty))
    renderer = MarkdownIt("commonmark").enable("table")
    said = [text for row in build_receipt_table(facts) for pair in row.items() for text in pair]
    for text in (*said, receipt_description(facts)):
        html = renderer.render(text)
        assert "<script" not in html
        assert "<a " not in html
