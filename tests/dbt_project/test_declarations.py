"""What the project declares for reports and for publishing, read from its files."""

from pathlib import Path

import pytest
import yaml

from lakehouse.source_catalog import known_domains, load_catalog

PROJECT = Path(__file__).resolve().parents[2] / "dbt"
PHARMA = PROJECT / "models" / "pharma_latam"
SEVERITIES = {
    ("stg_ventas_arg", "invoice_id", "unique"): "error",
    ("stg_ventas_arg", "invoice_id", "not_null"): "error",
    ("stg_ventas_arg", "fecha", "not_null"): "error",
    ("stg_ventas_arg", "precio_unit", "not_null"): "error",
    ("stg_ventas_bra", "invoice_id", "unique"): "warn",
    ("stg_ventas_bra", "precio_unit", "not_null"): "warn",
    ("stg_ventas_bra", "invoice_id", "not_null"): "error",
}


def column_tests(folder: str):
    content = yaml.safe_load((PHARMA / folder / f"_{folder}__models.yml").read_text("utf-8"))
    for model in content["models"]:
        for column in model.get("columns", []):
            for test in column.get("data_tests", []):
                ((kind, body),) = test.items()
                yield model["name"], column["name"], kind, body


def test_the_tests_of_the_sales_have_exactly_the_severities_agreed():
    declared = {
        (model, column, kind): body["config"]["severity"]
        for model, column, kind, body in column_tests("staging")
        if model.startswith("stg_ventas_")
    }
    assert declared == SEVERITIES


def test_every_test_of_the_fact_is_an_error():
    fact = [body for model, _, _, body in column_tests("consume") if model == "fct_ventas_latam"]
    assert {body["config"]["severity"] for body in fact} == {"error"}


@pytest.mark.parametrize("folder", ["staging", "consume"])
def test_every_test_says_what_it_checks_and_how_to_fix_it_in_three_languages(folder):
    for model, column, kind, body in column_tests(folder):
        assert body["description"], (model, column, kind)
        if (model, column) != ("ventas_excluidas", "motivo"):
            assert set(body["config"]["meta"]["fix"]) == {"es", "pt", "en"}, (model, column, kind)


def test_the_sources_are_ones_that_the_catalog_reads():
    catalog = load_catalog(PROJECT, "pharma_latam")
    loads = {table.name: (table.meta.load, table.meta.pattern) for table in catalog.tables}
    assert loads["productos"] == ("snapshot", "productos*.csv")
    assert loads["ventas_arg"] == ("append", "ventas_arg*.csv")
    assert loads["ventas_bra"] == ("append", "ventas_bra*.csv")
    assert {table.block for table in catalog.tables} == {"landing-pharma-latam"}
    assert {dialect.delimiter for dialect in catalog.tables[0].meta.dialects} == {",", ";"}


def test_no_two_models_of_the_project_share_a_name():
    names = [path.stem for path in (PROJECT / "models").rglob("*.sql")]
    assert sorted(names) == sorted(set(names))
    assert "pharma_latam" in known_domains(PROJECT)


def test_the_tree_of_dbt_holds_no_python():
    assert [path for path in PROJECT.rglob("*.py") if "target" not in path.parts] == []


def test_the_profile_has_no_default_for_the_warehouse():
    profile = yaml.safe_load((PROJECT / "profiles.yml").read_text())
    assert profile["aljibe"]["outputs"]["embedded"]["path"] == "{{ env_var('ALJIBE_WAREHOUSE') }}"
