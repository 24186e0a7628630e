"""What the models of pharma_latam make of deliveries, with real dbt builds."""

from datetime import date
from decimal import Decimal

import duckdb
import pytest

FACT = "fct_ventas_latam"
TOTALS = f"select invoice_id, venta_total_usd from consume.{FACT} order by all"
EXCLUDED = (
    "select invoice_id, pais, motivo, _source_file, _source_line "
    "from consume.ventas_excluidas order by all"
)


@pytest.fixture(scope="module")
def clean_build(project, smallest):
    return project.scenario(smallest())


@pytest.fixture(scope="module")
def duplicate_in_brazil(project, smallest):
    again = ("BRA-001", "2024-01-20", "AMOX500", 81, "45.90", "BRL")
    return project.scenario(smallest({"bra": [again]}))


@pytest.fixture(scope="module")
def duplicate_in_argentina(project, smallest, clean_build):
    project.return_to(clean_build)
    again = ("ARG-001", "2024-01-15", "AMOX500", 999, "850.50", "ARS")
    project.deliver(smallest({"arg": [again]}))
    return project.dbt("build")


@pytest.fixture(scope="module")
def later_deliveries(project, smallest, delivery):
    first, second = "ventas_bra_1.csv", "ventas_bra_2.csv"
    return project.scenario(
        [
            *smallest()[:2],
            delivery("ventas_bra", first, [("BRA-001", "2024-01-20", "AMOX500", 1, 10, "BRL")]),
            delivery(
                "ventas_bra",
                second,
                [("BRA-003", "2024-01-23", "AMOX500", 7, 10, "BRL")],
                sequence=2,
                current=False,
            ),
            delivery(
                "ventas_bra",
                second,
                [
                    ("BRA-001", "2024-01-20", "AMOX500", 2, 10, "BRL"),
                    ("BRA-003", "2024-01-23", "AMOX500", 8, 10, "BRL"),
                    ("BRA-001", "2024-01-20", "AMOX500", 3, 10, "BRL"),
                    ("BRA-004", "2024-01-23", "AMOX500", 4, None, "BRL"),
                    ("BRA-005", "2024-01-23", "AMOX500", None, 10, "BRL"),
                ],
                sequence=3,
            ),
        ]
    )


@pytest.fixture(scope="module")
def unresolved(project, smallest):
    return project.scenario(
        smallest(
            {
                "bra": [
                    ("BRA-010", "2024-01-20", "NADA100", 1, 10, "BRL"),
                    ("BRA-011", "2024-01-20", "AMOX500", 1, 10, "XXX"),
                    ("BRA-012", "2023-12-31", "AMOX500", 1, 10, "BRL"),
                    ("ARG-001", "2024-01-20", "AMOX500", 1, 10, "BRL"),
                ]
            }
        )
    )


def test_the_smallest_deliveries_give_the_totals_known_by_hand(clean_build):
    assert clean_build.not_passed() == {}
    assert clean_build.query(TOTALS) == [
        ("ARG-001", Decimal("93.56")),
        ("ARG-002", Decimal("70.40")),
        ("ARG-003", Decimal("47.85")),
        ("BRA-001", Decimal("734.40")),
        ("BRA-002", Decimal("555.00")),
    ]
    assert clean_build.query(EXCLUDED) == []


def test_a_row_of_the_fact_is_enriched_and_typed_as_the_contract_says(clean_build):
    row = clean_build.query(f"from consume.{FACT} where invoice_id = 'BRA-001'")[0]
    assert row == (
        "BRA-001",
        date(2024, 1, 20),
        "BRA",
        "AMOX500",
        "Amoxicilina 500mg",
        "Laboratorio Bago",
        "Antibióticos",
        80,
        Decimal("45.90"),
        "BRL",
        Decimal("9.1800"),
        Decimal("3672.00"),
        Decimal("734.40"),
    )
    types = clean_build.query(f"select column_name, column_type from (describe consume.{FACT})")
    columns = clean_build.manifest["nodes"][f"model.aljibe.{FACT}"]["columns"]
    assert types == [(name, column["data_type"].upper()) for name, column in columns.items()]


def test_a_duplicate_invoice_in_brazil_is_a_warning_and_the_fact_is_built(duplicate_in_brazil):
    build = duplicate_in_brazil
    assert build.returncode == 0
    assert build.not_passed() == {"unique_stg_ventas_bra_invoice_id": "warn"}
    assert ("BRA-001", Decimal("734.40")) in build.query(TOTALS)
    assert build.query(EXCLUDED) == [("BRA-001", "BRA", "factura repetida", "ventas_bra.csv", 4)]


def test_the_rows_that_fail_a_test_can_be_queried(duplicate_in_brazil):
    relation = duplicate_in_brazil.results["unique_stg_ventas_bra_invoice_id"]["relation_name"]
    assert '"dq_audit"' in relation
    stored = duplicate_in_brazil.query("select * from dq_audit.unique_stg_ventas_bra_invoice_id")
    assert stored == [("BRA-001", 2)]


def test_a_duplicate_invoice_in_argentina_skips_the_fact_and_keeps_the_last_one(
    duplicate_in_argentina,
):
    build = duplicate_in_argentina
    assert build.returncode == 1
    assert build.status("stg_ventas_arg") == build.status("stg_ventas_bra") == "success"
    assert build.results["unique_stg_ventas_arg_invoice_id"]["failures"] == 1
    failed = [name for name, status in build.not_passed().items() if status != "skipped"]
    assert failed == ["unique_stg_ventas_arg_invoice_id"]
    assert build.status(FACT) == build.status("ventas_excluidas") == "skipped"
    assert ("ARG-001", Decimal("93.56")) in build.query(TOTALS)


def test_of_a_repeated_invoice_the_first_line_of_the_newest_delivery_counts(later_deliveries):
    counted = later_deliveries.query(
        f"select cantidad from consume.{FACT} where invoice_id = 'BRA-001'"
    )
    assert counted == [(2,)]
    repeated = [row[3:] for row in later_deliveries.query(EXCLUDED) if row[0] == "BRA-001"]
    assert repeated == [("ventas_bra_1.csv", 2), ("ventas_bra_2.csv", 4)]


def test_a_corrected_file_replaces_what_its_name_brought_before(later_deliveries):
    counted = later_deliveries.query(
        f"select cantidad from consume.{FACT} where invoice_id = 'BRA-003'"
    )
    assert counted == [(8,)]
    assert "BRA-003" not in [row[0] for row in later_deliveries.query(EXCLUDED)]


def test_a_row_without_price_or_quantity_is_left_out_with_its_reason(later_deliveries):
    assert later_deliveries.returncode == 0
    assert later_deliveries.not_passed() == {
        "unique_stg_ventas_bra_invoice_id": "warn",
        "not_null_stg_ventas_bra_precio_unit": "warn",
    }
    reasons = {row[0]: row[2] for row in later_deliveries.query(EXCLUDED)}
    assert reasons["BRA-004"] == "sin precio"
    assert reasons["BRA-005"] == "sin cantidad"
    counted = {row[0] for row in later_deliveries.query(TOTALS)}
    assert counted.isdisjoint({"BRA-004", "BRA-005"})


def test_what_does_not_resolve_fails_as_an_error_and_is_named(unresolved):
    assert unresolved.returncode == 1
    product = f"relationships_{FACT}_producto_cod__producto_cod__ref_stg_productos_farma_"
    failures = {
        name: result["failures"]
        for name, result in unresolved.results.items()
        if result["status"] == "fail"
    }
    assert failures == {
        product: 1,
        f"relationships_{FACT}_moneda__moneda__ref_tipo_cambio_": 1,
        f"not_null_{FACT}_precio_unit_usd": 2,
        f"not_null_{FACT}_venta_total_usd": 2,
        f"unique_{FACT}_invoice_id": 1,
    }
    relation = unresolved.results[product]["relation_name"]
    assert unresolved.query(f"from {relation}") == [("NADA100",)]


def test_every_delivered_row_is_counted_or_excluded(later_deliveries):
    name = "assert_every_sale_is_in_the_fact_or_among_the_excluded"
    assert later_deliveries.status(name) == "pass"
    assert later_deliveries.query(
        "select (select count(*) from staging.stg_ventas_bra), "
        f"(select count(*) from consume.{FACT} where pais = 'BRA'), "
        "(select count(*) from consume.ventas_excluidas where pais = 'BRA')"
    ) == [(6, 2, 4)]


def test_a_row_lost_on_the_way_is_noticed(project, later_deliveries):
    project.return_to(later_deliveries)
    with duckdb.connect(str(project.warehouse)) as connection:
        connection.execute("delete from consume.ventas_excluidas where motivo = 'sin precio'")
    name = "assert_every_sale_is_in_the_fact_or_among_the_excluded"
    build = project.dbt("test", "--select", name)
    assert build.status(name) == "fail"
    assert build.query(f"select * from dq_audit.{name}") == [("BRA", 6, 5)]
