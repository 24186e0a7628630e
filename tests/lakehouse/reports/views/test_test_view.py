from datetime import timedelta

import pytest

from lakehouse.quality.failing_rows import FailingRows
from lakehouse.quality.run_facts import (
    BudgetBreach,
    Incident,
    RunPoint,
    SourceFacts,
    TestState,
    WarnBudget,
)
from lakehouse.reports.views.test_view import build_test_page_view, build_test_view
from lakehouse.reports.views.view_types import Cell, Tag
from lakehouse.reports.wording import Wording

ES, EN = Wording.of("es"), Wording.of("en")
ROWS = FailingRows(
    columns=("_source_file", "_source_line", "_batch_id", "price", "id"),
    rows=(
        {
            "_source_file": "bra.csv",
            "_source_line": 2,
            "_batch_id": "b",
            "price": 45.9,
            "id": "A-1",
        },
        {
            "_source_file": "bra.csv",
            "_source_line": None,
            "_batch_id": " ",
            "price": None,
            "id": None,
        },
    ),
    total=2,
    shown=2,
    traced=True,
    marked=("id",),
)


def points(now, *counts):
    """Daily runs up to now with these failing rows; a count of None could not run."""
    return tuple(
        RunPoint(
            now - timedelta(days=len(counts) - 1 - at),
            "error" if count is None else "warn" if count else "pass",
            count,
        )
        for at, count in enumerate(counts)
    )


def view(make_facts, test, words=ES, **facts):
    return build_test_view(make_facts(test, **facts), test, words)


@pytest.mark.parametrize(
    ("change", "days", "said"),
    [
        (None, None, ""),
        ("NEW", 0, "NUEVA · hoy por primera vez"),
        ("NEW", 1, "NUEVA · desde el 20 nov 2026"),
        ("NEW", None, "NUEVA"),
        ("STILL", 0, "SIGUE · abierta desde hoy"),
        ("STILL", 1, "SIGUE · abierta hace 1 día"),
        ("STILL", 3, "SIGUE · abierta hace 3 días"),
        ("STILL", None, "SIGUE · abierta desde una corrida anterior"),
        ("NOT CHECKED", 3, "NO SE REVISÓ · estaba abierta desde el 18 nov 2026"),
        ("NOT CHECKED", None, "NO SE REVISÓ · antes estaba abierta"),
        ("FIXED", None, "RESUELTA"),
    ],
)
def test_what_changed_is_said_with_since_when(make_facts, make_test, now, change, days, said):
    since = None if days is None else now - timedelta(days=days)
    test = make_test()
    state = TestState(change, since)
    assert view(make_facts, test, tests={test.unique_id: state}).change == said


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (3, "RESUELTA · estuvo abierta 3 días"),
        (0, "RESUELTA · estuvo abierta menos de un día"),
    ],
)
def test_a_recovered_test_says_how_long_it_was_open(make_facts, make_test, now, days, said):
    test = make_test(status="pass", failures=0)
    state = TestState("FIXED", None, (Incident(now - timedelta(days=days), now, now, "warn"),))
    shown = view(make_facts, test, tests={test.unique_id: state})
    assert shown.change == said
    assert shown.status == Tag("resuelta", "ok")
    assert (shown.todo, shown.rows, shown.query) == ("", None, "")


@pytest.mark.parametrize(
    ("counts", "trend"),
    [
        ((5, 2), " · 3 menos que antes"),
        ((1, 4), " · 3 más que antes"),
        ((2, 2), " · igual que antes"),
        ((0, 2), ""),
        ((2,), ""),
        ((None, 2), ""),
    ],
)
def test_a_count_says_how_it_moved(make_facts, make_test, now, counts, trend):
    test = make_test()
    history = {test.unique_id: points(now, *counts)}
    shown = view(
        make_facts, test, history=history, failing_rows={test.unique_id: FailingRows(total=2)}
    )
    assert shown.count == f"2 filas · 1 valor{trend}"


@pytest.mark.parametrize(
    ("state", "said", "tone"),
    [
        (TestState(), "", "warn"),
        (
            TestState(budget=WarnBudget(rows=10, share=0.015, days=1)),
            "Esta advertencia se tolera hasta un límite: hasta 10 filas, "
            "hasta 1,5\xa0% de las filas, hasta 1 día abierta.",
            "warn",
        ),
        (
            TestState(breach=BudgetBreach("rows", 12, 10)),
            "Bloquea la publicación: 12 filas, el límite es 10.",
            "bad",
        ),
        (
            TestState(breach=BudgetBreach("share", 0.2, 0.1)),
            "Bloquea la publicación: 20\xa0% de las filas, el límite es 10\xa0%.",
            "bad",
        ),
        (
            TestState(breach=BudgetBreach("days", 4, 3)),
            "Bloquea la publicación: 4 días abierta, el límite es 3.",
            "bad",
        ),
    ],
)
def test_a_budget_is_said_in_words(make_facts, make_test, state, said, tone):
    test = make_test()
    shown = view(make_facts, test, tests={test.unique_id: state})
    assert (shown.budget, shown.status.tone) == (said, tone)
    assert shown.over_budget == (tone == "bad")


def test_rows_show_first_why_they_fail_and_where_they_come_from(make_facts, make_test):
    test = make_test()
    grid = view(make_facts, test, failing_rows={test.unique_id: ROWS}).rows
    assert [column.text for column in grid.columns] == [
        "id",
        "de dónde viene",
        "price",
        "_batch_id",
    ]
    assert [column.numeric for column in grid.columns] == [False, False, True, False]
    assert grid.rows[0] == (
        Cell("A-1", "strong"),
        Cell("bra.csv, línea 2", "code"),
        Cell("45.9", "number"),
        Cell("b"),
    )
    assert grid.rows[1] == (
        Cell("(vacío)", "strong"),
        Cell("bra.csv", "code"),
        Cell("(vacío)", "empty"),
        Cell("(en blanco)", "empty"),
    )


def test_rows_say_since_when_they_fail_only_where_that_is_known(make_facts, make_test, now):
    test = make_test()
    since = (now - timedelta(days=1), None)
    dated = FailingRows(**{**ROWS.__dict__, "since": since})
    grid = view(make_facts, test, failing_rows={test.unique_id: dated}).rows
    assert grid.columns[2].text == "desde"
    assert [row[2].text for row in grid.rows] == ["ayer", ""]


def test_at_most_fifty_rows_are_shown_and_the_rest_counted(make_facts, make_test):
    failing = FailingRows(("v",), ({"v": 1},) * 60, 1234, 60, note_code="untraced")
    test = make_test()
    shown = view(make_facts, test, failing_rows={test.unique_id: failing})
    assert len(shown.rows.rows) == 50
    assert shown.rows_note == (
        "Las primeras 50 de 1.234 filas. No se sabe de qué archivo vienen estas filas."
    )
    assert view(make_facts, test, EN, failing_rows={test.unique_id: failing}).rows_note == (
        "The first 50 of 1,234 rows. It is not known from which file these rows come."
    )


@pytest.mark.parametrize(
    ("failing", "note"),
    [
        (FailingRows(note_code="not_kept"), "No se guardan las filas"),
        (FailingRows(("v",), note_code="none_found"), "está vacía"),
        (FailingRows(note_code="unreadable"), "No se pudieron leer"),
        (FailingRows(note="Told by an older run."), "Told by an older run."),
        (
            FailingRows(
                ("_source_file", "v"),
                ({"_source_file": None, "v": 1}, {"_source_file": "f", "v": 1}),
                2,
                2,
                note_code="part_untraced",
            ),
            "De 1 de las filas mostradas",
        ),
    ],
)
def test_why_rows_are_missing_is_said_in_the_language(make_facts, make_test, failing, note):
    test = make_test()
    assert note in view(make_facts, test, failing_rows={test.unique_id: failing}).rows_note


@pytest.mark.parametrize(
    ("counts", "summary"),
    [
        ((), "Todavía no hay corridas anteriores."),
        ((0, 0, 0), "No falló en las últimas 3 corridas."),
        ((2,), "Ahora 2 filas; todavía no hay corridas anteriores."),
        ((0, 0, 2), "Ninguna falla en las 2 corridas anteriores; ahora 2 filas."),
        (
            (0, 9, 2),
            "No pasó en 2 de las últimas 3 corridas; el máximo fue 9 filas, ahora 2 filas.",
        ),
        (
            (4, None),
            "No pasó en 2 de las últimas 2 corridas; el máximo fue 4 filas, ahora no se pudo "
            "ejecutar.",
        ),
    ],
)
def test_the_chart_says_in_words_what_it_shows(make_facts, make_test, now, counts, summary):
    test = make_test()
    chart = view(make_facts, test, history={test.unique_id: points(now, *counts)}).chart
    assert chart.summary == summary
    assert [bar.value for bar in chart.bars] == list(counts)


def test_a_bar_of_the_chart_says_when_and_how_much(make_facts, make_test, now):
    test = make_test()
    chart = view(make_facts, test, history={test.unique_id: points(now, 0, 2)}).chart
    assert [(bar.tone, bar.label) for bar in chart.bars] == [
        ("ok", "20 nov 2026, 06:03: sin fallas"),
        ("warn", "21 nov 2026, 06:03: 2 filas"),
    ]


def test_earlier_incidents_are_listed_without_the_open_one(make_facts, make_test, now):
    test = make_test()
    closed = Incident(
        now - timedelta(days=9), now, now - timedelta(days=6), "warn", worst_rows=1200
    )
    still = Incident(now - timedelta(days=1), now, None, "warn")
    state = TestState("STILL", still.opened_at, (still, closed), rows_fixed=4)
    shown = view(make_facts, test, tests={test.unique_id: state})
    assert [cell.text for row in shown.incidents.rows for cell in row] == [
        "12 nov 2026",
        "15 nov 2026",
        "3 días",
        "1.200",
    ]
    assert ("filas ya corregidas", "4") in shown.facts
    assert ("abierta desde", "20 nov 2026") in shown.facts


def test_a_test_that_could_not_run_shows_dbts_message_and_no_query(make_facts, make_test):
    test = make_test(status="error", failures=None, message="Binder Error", relation_name="x")
    shown = view(make_facts, test)
    assert (shown.message, shown.query, shown.count) == ("Binder Error", "", "")
    assert shown.status == Tag("no se pudo ejecutar", "bad")


def test_a_unit_test_shows_the_difference_and_counts_no_rows(make_facts, make_test):
    test = make_test(
        test_kind="unit_test",
        resource_type="unit_test",
        status="fail",
        failure_unit="difference",
        message="actual differs from expected",
    )
    note = FailingRows(note="A unit test has no rows.", note_code="unit_test")
    shown = view(make_facts, test, failing_rows={test.unique_id: note})
    assert shown.message == "actual differs from expected"
    assert (shown.count, shown.rows, shown.rows_note) == ("", None, "")
    assert "maintains the models" in view(make_facts, test, EN).todo


def test_a_late_source_says_how_old_it_is_and_its_limit(make_facts, make_freshness, now):
    late = make_freshness()
    source = SourceFacts(
        late.unique_id, "pharma.ventas_bra", "late", "warn", now - timedelta(hours=26), 26.0, 24, 72
    )
    shown = view(make_facts, late, sources=(source,))
    assert shown.count == "hace 26 h"
    assert ("última llegada", "20 nov 2026, 04:03 UTC") in shown.facts
    assert ("límite", "24 h") in shown.facts
    assert shown.href == "tests/freshness-of-pharma-ventas-bra.html"


def test_the_page_is_in_the_language_of_the_owner_else_in_english(make_facts, make_test):
    for language, expected in (("pt-BR", "pt"), ("fr", "en"), (None, "en")):
        test = make_test(language=language)
        page = build_test_page_view(make_facts(test, language="es"), test)
        assert page.frame.language == expected
        assert page.frame.title == page.test.title


def test_two_tests_of_one_label_have_two_pages(make_facts, make_test):
    one = make_test(unique_id="test.a.t", name="t")
    other = make_test(unique_id="test.b.t", name="t")
    facts = make_facts(one, other)
    views = [build_test_view(facts, test, ES) for test in (one, other)]
    assert views[0].href != views[1].href
    assert views[0].artifact != views[1].artifact


def test_a_foreign_projects_bare_test_is_shown_without_gaps(make_facts, make_test):
    bare = make_test(
        model=None, column=None, test_kind=None, relation_name=None, compiled_code=None
    )
    shown = view(make_facts, bare, EN, groups=())
    assert shown.title == "The check “unique stg id” finds rows"
    assert "table" not in dict(shown.facts)
    assert all(value for _, value in shown.facts)
