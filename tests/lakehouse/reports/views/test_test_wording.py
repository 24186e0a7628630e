import re

import pytest

from lakehouse.reports.views.test_wording import checked_table, title, what_it_checks, what_to_do
from lakehouse.reports.wording import LANGUAGES, Wording

KINDS = [
    "unique",
    "not_null",
    "relationships",
    "accepted_values",
    "unit_test",
    "singular",
    "dbt_utils.expression_is_true",
    "dbt_utils.at_least_one",
    "dbt_utils.unique_combination_of_columns",
    "dbt_expectations.expect_column_values_to_match_regex",
    "anomalous_total",
    "anomalous_row_count",
    "anomalous_null_share",
    "somebodys.odd_rule",
    None,
]
ES, EN = Wording.of("es"), Wording.of("en")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("column", ["id", None])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", ["warn", "fail", "error", "skipped", "pass"])
def test_every_kind_of_test_has_words_in_every_language(make_test, language, column, kind, status):
    test = make_test(test_kind=kind, column=column, status=status, model="stg" if column else None)
    words = Wording.of(language)
    said = [title(test, words), what_it_checks(test, words), what_to_do(test, words)]
    assert said[0]
    assert said[0].rstrip(".") != said[1].rstrip(".")
    assert bool(said[1]) == (status in ("warn", "fail") or kind == "unit_test")
    assert bool(said[2]) == (status != "pass")
    assert not any(re.search(r"[{}]|None", sentence) for sentence in said)


@pytest.mark.parametrize(
    ("kind", "wrong", "checks"),
    [
        (
            "unique",
            "Valores repetidos en id de stg",
            "Cada valor de id aparece una sola vez en stg.",
        ),
        ("not_null", "Faltan valores en id de stg", "Toda fila de stg tiene un valor en id."),
        (
            "dbt_utils.at_least_one",
            "id de stg viene sin ningún valor",
            "Al menos una fila de stg tiene un valor en id.",
        ),
        (
            "anomalous_total",
            "Totales diarios fuera de lo habitual en stg",
            "Los totales diarios de stg son como los de los días anteriores.",
        ),
        (
            "somebodys.odd_rule",
            "id de stg no cumple la regla «odd rule»",
            "id de stg cumple la regla «odd rule».",
        ),
    ],
)
def test_a_test_without_words_of_its_own_is_said_by_its_kind(make_test, kind, wrong, checks):
    test = make_test(test_kind=kind)
    assert title(test, ES) == wrong
    assert what_it_checks(test, ES) == checks
    passing = make_test(test_kind=kind, status="pass")
    assert title(passing, ES) == checks.rstrip(".")
    assert what_it_checks(passing, ES) == ""


@pytest.mark.parametrize("status", ["pass", "fail"])
def test_a_unit_test_is_called_by_its_own_name(make_test, status):
    test = make_test(
        test_kind="unit_test",
        resource_type="unit_test",
        status=status,
        name="a_sale_is_converted_at_the_rate_of_its_date",
        model="fct_ventas_latam",
        column=None,
    )
    assert title(test, EN) == "fct_ventas_latam: a sale is converted at the rate of its date"
    assert what_it_checks(test, EN).startswith("From given rows the SQL of fct_ventas_latam")


def test_a_check_that_dbt_attaches_to_no_table_names_none(make_test, make_freshness):
    assert checked_table(make_test(model=None, name="assert_every_country_is_listed")) == ""
    assert checked_table(make_test()) == "stg"
    assert checked_table(make_freshness(model=None)) == "pharma.ventas_bra"


def test_the_projects_own_words_come_before_generic_ones(make_test):
    test = make_test(description="Sin facturas repetidas.\nLa prueba cuenta  las de un año.")
    assert title(test, EN) == "Sin facturas repetidas"
    assert what_it_checks(test, EN) == "Sin facturas repetidas. La prueba cuenta las de un año."


def test_a_description_of_one_sentence_is_not_said_twice(make_test):
    test = make_test(description="Sin facturas repetidas.")
    assert title(test, ES) == "Sin facturas repetidas"
    assert what_it_checks(test, ES) == "Cada valor de id aparece una sola vez en stg."


def test_a_long_description_is_cut_in_the_title_only(make_test):
    test = make_test(description="palabra " * 40)
    assert len(title(test, ES)) <= 110
    assert title(test, ES).endswith("…")
    assert what_it_checks(test, ES) == ("palabra " * 40).strip()


def test_advice_is_in_the_language_then_english_then_any(make_test):
    fix = {"en": "Ask.", "es": "Pida el archivo."}
    assert what_to_do(make_test(fix=fix), ES) == "Pida el archivo."
    assert what_to_do(make_test(fix=fix), Wording.of("pt")) == "Ask."
    assert what_to_do(make_test(fix={"es": "Pida."}), EN) == "Pida."
    assert what_to_do(make_test(fix={"es": "  "}), EN).startswith("Find out which")


def test_a_test_that_could_not_run_is_a_matter_for_those_who_keep_the_models(make_test):
    assert "quien mantiene los modelos" in what_to_do(make_test(status="error"), ES)


def test_a_late_source_is_asked_for_by_its_name(make_freshness):
    late = make_freshness()
    assert title(late, ES) == "pharma.ventas_bra no llegó a tiempo"
    assert what_to_do(late, ES).startswith("Pida la entrega más nueva a quien envía pharma.ventas_")
    assert title(make_freshness(model=None), EN) == "pharma.ventas_bra has not come on time"
