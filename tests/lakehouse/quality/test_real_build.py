import json
from pathlib import Path

import duckdb
import pytest

from lakehouse.quality.dbt_manifest import read_manifest
from lakehouse.quality.dbt_results import BuildResults, read_results
from lakehouse.quality.failing_rows import FailingRows, trace_failing_rows
from lakehouse.quality.model_sizes import with_sizes


@pytest.fixture(scope="module")
def results(built_project: Path) -> BuildResults:
    return read_results(built_project / "target")


@pytest.fixture(scope="module")
def failing(built_project: Path, results: BuildResults) -> dict[str, FailingRows]:
    with duckdb.connect(built_project / "tiny.duckdb", read_only=True) as connection:
        found = trace_failing_rows(connection, results, read_manifest(built_project / "target"))
    names = {test.unique_id: test.name for test in results.tests}
    return {names[unique_id]: rows for unique_id, rows in found.items()}


def test_every_status_is_read(results: BuildResults) -> None:
    status = {node.name: node.status for node in results.nodes}
    assert status == {
        "productos": "pass",
        "stg_ventas": "pass",
        "fct_ventas": "pass",
        "con_error": "error",
        "mart_ventas": "skipped",
        "mart_productos": "skipped",
        "fact_keeps_the_price": "pass",
        "products_are_counted_twice": "fail",
        "unique_fct_ventas_invoice_id": "fail",
        "unique_fct_ventas_cliente": "warn",
        "unique_stg_ventas_invoice_id": "warn",
        "not_null_stg_ventas_precio_unit": "warn",
        "relationships_stg_ventas_producto_cod__producto_cod__ref_productos_": "warn",
        "accepted_values_stg_ventas_moneda__BRL": "warn",
        "assert_every_price_is_low": "warn",
    }
    assert results.verdict == "failed"
    assert results.dbt_version.startswith("1.11.")


def test_skipped_models_name_the_test_that_stopped_them(results: BuildResults) -> None:
    skipped = {node.name: node.blocked_by for node in results.skipped}
    assert skipped == {
        "mart_ventas": ("unique_fct_ventas_invoice_id",),
        "mart_productos": ("products_are_counted_twice",),
    }


def test_the_words_of_the_project_are_kept(results: BuildResults) -> None:
    (test,) = [node for node in results.nodes if node.name == "unique_stg_ventas_invoice_id"]
    assert test.description == "Ninguna factura viene repetida."
    assert (test.owner, test.language) == ("Ventas", "es")
    assert test.fix["es"] == "Pida el archivo corregido."
    assert test.path == "models/_models.yml"


@pytest.mark.parametrize(
    ("test", "places"),
    [
        ("unique_stg_ventas_invoice_id", [("ventas.csv", 2), ("ventas.csv", 48)]),
        ("not_null_stg_ventas_precio_unit", [("ventas.csv", 3)]),
        (
            "relationships_stg_ventas_producto_cod__producto_cod__ref_productos_",
            [("ventas.csv", 3)],
        ),
        ("accepted_values_stg_ventas_moneda__BRL", [("ventas.csv", 3)]),
        ("assert_every_price_is_low", [("ventas.csv", 2), ("ventas.csv", 48)]),
        ("unique_fct_ventas_invoice_id", [("ventas.csv:2, ventas.csv:48", None)] * 2),
    ],
)
def test_whole_rows_are_traced_to_file_and_line(failing, test, places) -> None:
    found = failing[test]
    assert [(row["_source_file"], row["_source_line"]) for row in found.rows] == places
    assert found.traced
    assert found.total == len(places)
    assert all("invoice_id" in row for row in found.rows)


def test_no_masked_value_is_in_results_or_rows(results, failing) -> None:
    said = json.dumps(results.to_dict()) + json.dumps([rows.rows for rows in failing.values()])
    assert "••••••" in json.dumps([rows.rows for rows in failing.values()], ensure_ascii=False)
    assert "canary" not in said
    (broken,) = [node for node in results.nodes if node.name == "con_error"]
    assert "Conversion Error: withheld" in broken.message


def test_tables_are_counted_and_views_are_not(built_project: Path, results: BuildResults) -> None:
    with duckdb.connect(built_project / "tiny.duckdb", read_only=True) as connection:
        counted = with_sizes(connection, results)
    rows = {model.name: model.rows for model in counted.models}
    assert rows["fct_ventas"] == 3
    assert rows["stg_ventas"] is None
    assert rows["mart_ventas"] is None
