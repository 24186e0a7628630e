from datetime import date

import pytest

from lakehouse.quality.failing_rows import FailingRows
from lakehouse.reports.test_page import build_test_page

ROWS = FailingRows(
    columns=("_source_file", "_source_line", "id", "price", "email"),
    rows=(
        {
            "_source_file": "ventas_bra.csv",
            "_source_line": 2,
            "id": "BRA-001",
            "price": "45.90",
            "email": "••••••",
        },
        {
            "_source_file": "ventas_bra.csv",
            "_source_line": 48,
            "id": "BRA-001",
            "price": None,
            "email": "••••••",
        },
    ),
    total=2,
    shown=2,
    traced=True,
    marked=("id",),
)


def test_a_page_shows_the_rows_with_file_and_line_and_marks_the_column(make_test):
    page = build_test_page(make_test(), ROWS)
    assert "**warns: 2 rows**" in page
    assert "| file | line | id | price | email |" in page
    assert "| `ventas_bra.csv` | 2 | **BRA-001** | 45.90 | •••••• |" in page
    assert "| `ventas_bra.csv` | 48 | **BRA-001** | *(empty)* | •••••• |" in page
    assert '```sql\nselect * from "w"."dq_audit"."unique_stg_id"\n```' in page
    assert "```sql\nselect id from stg\n```" in page


def test_the_projects_own_words_come_before_generic_ones(make_test):
    fix = {"en": "Ask.", "es": "Pida el archivo."}
    test = make_test(description="Sin facturas repetidas.", fix=fix, language="es")
    page = build_test_page(test)
    assert "Sin facturas repetidas." in page
    assert "**What to do:** Pida el archivo." in page
    assert "**What to do:** Ask." in build_test_page(make_test(fix=fix, language="pt"))
    assert "**What to do:** Pida." in build_test_page(make_test(fix={"es": "Pida."}))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("unique", "Every value of `id` occurs only once in `stg`."),
        ("not_null", "No row of `stg` lacks a value in `id`."),
        ("relationships", "exists in the table it refers to"),
        ("accepted_values", "holds only the values that are agreed"),
        ("unit_test", "exactly the rows expected"),
        ("singular", "finds no row"),
        ("dbt_utils.expression_is_true", "The rule holds for every row of `stg`."),
        ("dbt_utils.at_least_one", "`id` of `stg` satisfies `dbt_utils.at_least_one`."),
    ],
)
def test_every_kind_of_test_is_said_in_words(make_test, kind, words):
    assert words in build_test_page(make_test(test_kind=kind))


def test_a_test_that_could_not_run_shows_its_message(make_test):
    page = build_test_page(
        make_test(status="error", failures=None, message="Binder Error: ```nope```")
    )
    assert "**could not run**" in page
    assert "````text\nBinder Error: ```nope```\n````" in page
    assert "Query the failing rows" not in page


def test_a_recovered_test_has_a_page_without_failing_rows(make_test):
    page = build_test_page(make_test(status="pass", failures=0), change="FIXED")
    assert "**passes** (fixed)" in page
    assert "What to do" not in page


def test_a_skipped_test_has_no_page(make_test):
    assert build_test_page(make_test(status="skipped")) is None


def test_an_open_test_says_since_when(make_test):
    page = build_test_page(make_test(), change="STILL", since=date(2026, 11, 18))
    assert "(still, open since 2026-11-18)" in page


def test_rows_beyond_those_shown_are_counted_and_notes_are_told(make_test):
    row = {"v": "<script>|`x`"}
    failing = FailingRows(("v",), (row,) * 60, 1234, 60, False, "Not traced.", ("v",))
    page = build_test_page(make_test(), failing)
    assert "The first 50 of 1,234 rows." in page
    assert "Not traced." in page
    assert page.count("**&lt;script&gt;\\|\\`x\\`**") == 50


def test_two_unit_tests_of_one_name_have_two_titles(make_test):
    pages = [
        build_test_page(make_test(test_kind="unit_test", name="ut", model=model))
        for model in ("a", "b")
    ]
    assert [page.splitlines()[0] for page in pages] == ["# `a::ut`", "# `b::ut`"]
