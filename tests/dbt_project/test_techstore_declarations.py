"""What techstore declares: severities, texts, personal data, what is published, owners."""

import json
from pathlib import Path

import pytest
import yaml

from lakehouse.publish.serving_copy import published_tables
from lakehouse.source_catalog import load_catalog

PROJECT = Path(__file__).resolve().parents[2] / "dbt"
TECHSTORE = PROJECT / "models" / "techstore"
KEYS = {
    "stg_clientes": "cliente_id",
    "stg_productos": "producto_id",
    "stg_pedidos": "pedido_id",
    "stg_detalle_pedidos": "detalle_id",
    "stg_pagos_banco": "pago_id",
    "stg_envios": "envio_id",
    "stg_catalogo_proveedor": "codigo",
    "stg_liquidacion_mp": "operacion_mp",
    "stg_reclamos": "reclamo_id",
    "revenue_mensual": "mes",
    "ventas_por_categoria": "categoria",
    "conciliacion_pagos": "metodo_pago",
    "performance_envios": "courier",
    "alertas_stock": "producto_id",
}
KEYS_OF_SEVERAL = {
    "stg_envios_tracking": ["envio_id", "orden"],
    "stg_dolar": ["casa", "fecha"],
    "analisis_reclamos": ["tipo", "prioridad"],
}
MART_COLUMNS = {
    "revenue_mensual": "mes, pedidos, revenue, ticket_promedio, clientes_unicos, revenue_usd",
    "top_clientes": "cliente, ciudad, email, compras, total_gastado, ticket_promedio, "
    "primera_compra, ultima_compra",
    "ventas_por_categoria": "categoria, pedidos, unidades, revenue, margen_promedio_pct",
    "conciliacion_pagos": "metodo_pago, transacciones, monto_pedidos, monto_banco, monto_mp, "
    "comisiones_mp, comisiones_banco, pct_conciliado",
    "performance_envios": "courier, envios, costo_promedio, peso_promedio_kg, entregados, "
    "devueltos, pct_devolucion",
    "analisis_reclamos": "tipo, prioridad, cantidad, resueltos, abiertos, pct_resolucion",
}


@pytest.fixture(scope="module")
def manifest(project, tmp_path_factory):
    """The parsed project."""
    domain = type(project)(PROJECT, tmp_path_factory.mktemp("parsed"), "techstore")
    domain.deliver([])
    parsed = domain.dbt("ls", "--select", "path:models/techstore", "--quiet")
    assert parsed.returncode == 0, parsed.output
    return json.loads((domain.work / "target" / "manifest.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def data_tests(manifest):
    return [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and "techstore" in node["fqn"]
    ]


def model_of(test) -> str | None:
    node = test.get("attached_node")
    return node.split(".")[-1] if node else None


def kind(test) -> str:
    return (test.get("test_metadata") or {}).get("name", test["name"])


def test_errors_are_keys_relationships_of_the_database_and_equal_revenue_and_nothing_else(
    data_tests,
):
    expected = {
        (model, column, what) for model, column in KEYS.items() for what in ("unique", "not_null")
    }
    expected |= {(model, None, "unique_combination") for model in KEYS_OF_SEVERAL}
    expected |= {
        (model, column, "not_null")
        for model, columns in KEYS_OF_SEVERAL.items()
        for column in columns
    }
    expected |= {
        ("stg_feriados", None, "unique_combination"),
        ("stg_feriados", "fecha", "not_null"),
        ("stg_pedidos", "cliente_id", "relationships"),
        ("stg_detalle_pedidos", "pedido_id", "relationships"),
        ("stg_detalle_pedidos", "producto_id", "relationships"),
        (None, None, "assert_revenue_by_month_and_by_category_is_the_same"),
    }
    found = {
        (model_of(test), test.get("column_name"), kind(test))
        for test in data_tests
        if test["config"]["severity"].lower() == "error"
    }
    assert found == expected
    others = {test["config"]["severity"].lower() for test in data_tests} - {"error"}
    assert others == {"warn"}


def test_every_test_says_what_it_checks_and_how_to_fix_it_in_three_languages(data_tests):
    for test in data_tests:
        assert test["description"], test["name"]
        assert set(test["config"]["meta"]["fix"]) == {"es", "pt", "en"}, test["name"]


def test_every_model_and_column_is_described(manifest):
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and "techstore" in node["fqn"]:
            assert node["description"], node["name"]
            undescribed = [n for n, c in node["columns"].items() if not c["description"]]
            assert undescribed == [], node["name"]


def test_the_marts_have_the_columns_agreed(manifest):
    for name, columns in MART_COLUMNS.items():
        node = manifest["nodes"][f"model.aljibe.{name}"]
        assert list(node["columns"]) == columns.split(", ")
        assert node["config"]["contract"]["enforced"] is True


def test_every_model_with_branches_has_a_unit_test(manifest):
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    models = {path.stem for path in TECHSTORE.rglob("*.sql")}
    # These only rename and trim.
    assert models - tested == {"stg_detalle_pedidos", "stg_pagos_banco", "stg_reclamos"}


def test_every_model_belongs_to_a_group_whose_owner_has_a_name_and_an_address(manifest):
    owners = {group["name"]: group["owner"] for group in manifest["groups"].values()}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and "techstore" in node["fqn"]:
            owner = owners[node["config"]["group"]]
            assert owner["name"]
            assert owner["email"].endswith("@example.com")


def test_raw_staging_and_consume_are_published_each_table_once(manifest):
    tables = published_tables(manifest, "techstore")
    names = [(table.schema, table.name) for table in tables]
    assert len(names) == len(set(names))
    by_schema = {schema: {n for s, n in names if s == schema} for schema, _ in names}
    catalog = load_catalog(PROJECT, "techstore")
    assert by_schema == {
        "raw": {table.name for table in catalog.tables},
        "staging": {path.stem for path in (TECHSTORE / "staging").glob("*.sql")},
        "consume": {path.stem for path in (TECHSTORE / "consume").glob("*.sql")},
    }
    assert {schema: len(tables) for schema, tables in by_schema.items()} == {
        "raw": 12,
        "staging": 12,
        "consume": 7,
    }


def test_personal_data_are_marked_where_they_come_in():
    catalog = load_catalog(PROJECT, "techstore")
    marked = {(t.name, c.name) for t in catalog.tables for c in t.columns if c.pii}
    assert marked == {
        ("clientes", "nombre"),
        ("clientes", "email"),
        ("clientes", "telefono"),
        ("pagos_banco", "cbu"),
    }


def test_an_account_number_is_text_and_the_apis_are_optional():
    catalog = load_catalog(PROJECT, "techstore")
    payments = {c.name: c for c in catalog.table("techstore_sftp", "pagos_banco").columns}
    assert payments["cbu"].type.kind == "text"
    apis = [table for table in catalog.tables if table.connector == "api"]
    assert {table.name for table in apis} == {"dolar", "dolar_historico", "feriados"}
    assert all(table.meta.api and table.meta.api.optional for table in apis)


def test_the_four_steps_are_deployed_and_the_whole_runs_at_half_past_five_in_buenos_aires():
    content = yaml.safe_load((PROJECT.parent / "prefect.yaml").read_text("utf-8"))
    deployed = {d["entrypoint"]: d for d in content["deployments"] if d["name"] == "techstore"}
    assert set(deployed) == {
        "flows/elt.py:elt",
        "flows/ingest.py:ingest",
        "flows/dbt_build.py:dbt_build",
        "flows/publish.py:publish",
    }
    whole = deployed["flows/elt.py:elt"]["parameters"]
    assert whole.pop("expected_seconds") > 0
    assert all(d["parameters"] == {"domain": "techstore"} for d in deployed.values())
    (schedule,) = deployed["flows/elt.py:elt"]["schedules"]
    assert (schedule["cron"], schedule["timezone"], schedule["active"]) == (
        "30 5 * * *",
        "America/Argentina/Buenos_Aires",
        True,
    )
