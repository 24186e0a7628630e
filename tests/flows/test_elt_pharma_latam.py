"""The scenarios of pharma_latam through the real flows, read back through the API and the files."""

import os
import re
import time
from decimal import Decimal

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId

from demo.pharma_deliveries import seed_deliveries
from flows.elt import elt
from flows.publish import publish

DOMAIN = "pharma_latam"
SALES = "select invoice_id, venta_total_usd from consume.fct_ventas_latam order by 1"
FACT = "consume.fct_ventas_latam"
ERRORS = "select pipeline_stage, error_type, resolution_status from etl.error_log order by error_id"
ARG = "invoice_id,fecha,producto_cod,cantidad,precio_unit,moneda\n"
BRA = "invoice_id,fecha,produto_cod,quantidade,preco_unit,moeda\n"
REPEATED_BRA = (
    BRA
    + "BRA-001,2024-01-20,AMOX500,80,45.90,BRL\n"
    + "BRA-002,2024-01-22,IBUP400,150,18.50,BRL\n"
    + "BRA-001,2024-01-20,AMOX500,80,45.90,BRL\n"
)


def child_states(state):
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                parent_flow_run_id=FlowRunFilterParentFlowRunId(
                    any_=[state.state_details.flow_run_id]
                )
            )
        )
    return {run.name.removesuffix(f"-{DOMAIN}"): run.state.name for run in runs}


def test_seed_rows_give_the_known_figures_and_a_plain_completed(landing, artifacts, run, sales):
    seed_deliveries(landing)
    state = run()
    assert (state.name, state.type.value) == ("Completed", "COMPLETED")
    assert sales() == [
        ("ARG-001", Decimal("93.56")),
        ("ARG-002", Decimal("70.40")),
        ("ARG-003", Decimal("47.85")),
        ("BRA-001", Decimal("734.40")),
        ("BRA-002", Decimal("555.00")),
    ]
    assert artifacts("dbt-pharma-latam")
    assert artifacts("publish-pharma-latam")


@pytest.mark.long
def test_a_repeated_invoice_from_brazil_warns_and_is_published_once(
    landing, serving, artifacts, deliver, run, sales
):
    seed_deliveries(landing)
    deliver("ventas_bra.csv", REPEATED_BRA)
    state = run()
    assert (state.name, state.type.value) == ("CompletedWithWarnings", "COMPLETED")
    assert "unique_stg_ventas_bra_invoice_id (2 rows)" in state.message
    assert dict(sales())["BRA-001"] == Decimal("734.40")
    assert serving("select invoice_id, motivo from consume.ventas_excluidas") == [
        ("BRA-001", "factura repetida")
    ]
    page = artifacts("dbt-test-pharma-latam-unique-stg-ventas-bra-invoice-id")[0].data
    rows = [line for line in page.splitlines() if "ventas_bra.csv" in line]
    assert len(rows) == 2
    assert [re.findall(r"línea (\d+)", line) for line in rows] == [["2"], ["4"]]
    assert all("BRA-001" in line for line in rows)
    assert "warn" in artifacts("dbt-pharma-latam")[0].data
    table = artifacts("dbt-tests-pharma-latam")[0].data
    assert '"unique_stg_ventas_bra_invoice_id"' in table
    assert child_states(state) == {
        "ingest": "Completed",
        "dbt-build": "CompletedWithWarnings",
        "publish": "Completed",
    }


def test_a_repeated_invoice_from_argentina_stops_the_run_and_keeps_yesterdays_table(
    landing, serving, warehouse, artifacts, settings, deliver, run, sales, repeated_in_argentina
):
    seed_deliveries(landing)
    assert run().name == "Completed"
    yesterday, file = sales(), settings.serving(DOMAIN).stat()
    deliver("ventas_arg.csv", repeated_in_argentina)
    state = run()
    assert state.name == "Failed"
    assert "Nothing was published" in state.message
    assert "unique_stg_ventas_arg_invoice_id (2 rows)" in state.message
    assert sales() == yesterday
    assert settings.serving(DOMAIN).stat().st_ino == file.st_ino
    # The warehouse's own fact table was not rebuilt either.
    assert warehouse(SALES) == yesterday
    assert "publish" not in child_states(state)
    page = artifacts("dbt-test-pharma-latam-unique-stg-ventas-arg-invoice-id")[0].data
    rows = [line for line in page.splitlines() if "ventas_arg.csv" in line]
    assert [re.findall(r"línea (\d+)", line) for line in rows] == [["2"], ["3"]]
    report = artifacts("dbt-pharma-latam")[0].data
    assert "fct_ventas_latam" in report
    assert "skipped" in report.lower()
    refused = publish(DOMAIN, return_state=True)
    assert refused.name == "Failed"
    assert "not published" in refused.message
    assert sales() == yesterday
    assert warehouse(ERRORS) == [
        ("transform", "test_failed", "OPEN"),
        ("publish", "publish_refused", "OPEN"),
    ]


@pytest.mark.long
def test_a_then_b_then_a_again_ends_with_a(landing, deliver, run, sales):
    seed_deliveries(landing)
    content = (landing / "ventas_arg.csv").read_text()
    run()
    first = sales()
    deliver("ventas_arg.csv", content.replace("850.50", "900.00"))
    run()
    assert dict(sales())["ARG-001"] == Decimal("99.00")
    deliver("ventas_arg.csv", content)
    assert run().name == "Completed"
    assert sales() == first


@pytest.mark.long
def test_a_failed_delivery_that_is_taken_back_is_built_again(
    landing, warehouse, deliver, run, sales, repeated_in_argentina
):
    seed_deliveries(landing)
    content = (landing / "ventas_arg.csv").read_text()
    run()
    first = sales()
    deliver("ventas_arg.csv", repeated_in_argentina)
    assert run().name == "Failed"
    deliver("ventas_arg.csv", content)
    state = run()
    assert state.name == "Completed"
    assert "nothing new, the verdict" not in state.message
    assert sales() == warehouse(SALES) == first
    assert warehouse(ERRORS) == [("transform", "test_failed", "RESOLVED")]


@pytest.mark.long
def test_the_second_identical_run_extracts_nothing_and_says_so(
    landing, warehouse, settings, caplog, run, sales
):
    seed_deliveries(landing)
    run()
    files = {path: path.stat().st_mtime_ns for path in settings.raw.rglob("*.parquet")}
    built = warehouse("select build_id from etl.last_build")
    first = sales()
    state = run()
    assert state.name == "Completed"
    assert "nothing new" in state.message
    assert caplog.text.count("nothing new (cached)") == 3
    assert {path: path.stat().st_mtime_ns for path in settings.raw.rglob("*.parquet")} == files
    assert warehouse("select build_id from etl.last_build") == built
    assert sales() == first


@pytest.mark.long
def test_deliveries_add_up_in_raw_and_change_marts_only_where_data_changed(
    landing, warehouse, deliver, run, sales
):
    seed_deliveries(landing)
    run()
    first = sales()
    # The same content under another name: a delivery, not a batch.
    deliver("ventas_bra_copy.csv", (landing / "ventas_bra.csv").read_text())
    run()
    assert sales() == first
    assert warehouse("select count(*) from raw.ventas_bra") == [(2,)]
    assert warehouse(
        "select status, count(*) from etl.load_log where table_name = 'ventas_bra' group by 1"
        " order by 1"
    ) == [("known", 1), ("loaded", 1)]
    # The same name, corrected: RAW keeps both, the mart takes the new one.
    deliver("ventas_bra_copy.csv", BRA + "BRA-003,2024-02-01,AMOX500,10,10.00,BRL\n")
    # A second day.
    deliver("ventas_arg_2.csv", ARG + "ARG-004,2024-02-02,IBUP400,10,100.00,ARS\n")
    assert run().name == "Completed"
    assert warehouse("select count(*) from raw.ventas_bra") == [(3,)]
    assert warehouse("select count(*) from raw.ventas_arg") == [(4,)]
    assert [row[0] for row in sales()] == [
        *(r[0] for r in first[:3]),
        "ARG-004",
        "BRA-001",
        "BRA-002",
        "BRA-003",
    ]
    assert warehouse(
        "select sum(rows_delivered), sum(rows_loaded + rows_rejected) from etl.load_log"
    )[0] == (7 + 2 + 1 + 1, 7 + 2 + 1 + 1)


@pytest.mark.long
def test_real_world_files_load_with_their_own_dialect(landing, serving, run):
    seed_deliveries(landing)
    body = (
        "invoice_id;fecha;produto_cod;quantidade;preco_unit;moeda\r\n"
        "BRA-010;05/02/2024;AMOX500;1.000;1.234,50;BRL\r\n"
    )
    (landing / "ventas_bra_bom.csv").write_bytes(body.encode("utf-8-sig"))
    (landing / "productos_latin.csv").write_bytes(
        "producto_cod;nombre;laboratorio;categoria_terapeutica\n"
        "AMOX500;Amoxicilina 500mg;Laboratório Bagó;Antibióticos\n"
        "IBUP400;Ibuprofeno 400mg;Roemmers;Antiinflamatorios\n".encode("latin-1")
    )
    os.utime(landing / "productos_latin.csv", (time.time() + 5, time.time() + 5))
    assert run().name == "Completed"
    assert serving(
        f"select cantidad, precio_unit, laboratorio from {FACT} where invoice_id = 'BRA-010'"
    ) == [(1000, Decimal("1234.50"), "Laboratório Bagó")]


@pytest.mark.long
def test_a_file_in_quarantine_is_a_finding_and_the_table_keeps_its_last_load(
    landing, settings, deliver, run, sales
):
    seed_deliveries(landing)
    run()
    first = sales()
    deliver("ventas_bra.csv", "something;else\n1;2\n")
    state = run()
    assert state.name == "CompletedWithWarnings"
    assert "ventas_bra.csv is in quarantine" in state.message
    assert sales() == first
    kept = list(settings.quarantine.rglob("original"))
    assert [path.read_text() for path in kept] == ["something;else\n1;2\n"]


@pytest.mark.long
def test_a_file_whose_name_cannot_be_trusted_is_left_alone_and_reported(landing, run, sales):
    seed_deliveries(landing)
    (landing / "ventas_arg\x1b[31m.csv").write_text("invoice_id\nX\n")
    state = run()
    assert state.name == "CompletedWithWarnings"
    assert r"ventas_arg\x1b[31m.csv was left alone" in state.message
    assert len(sales()) == 5


def test_a_missing_landing_folder_fails_at_once_and_says_what_to_do(landing, run):
    landing.rmdir()
    started = time.monotonic()
    state = run()
    assert state.name == "Failed"
    assert str(landing) in state.message
    assert time.monotonic() - started < 20


def test_an_unknown_domain_names_the_known_ones(settings):
    state = elt("no_such_domain", return_state=True)
    assert state.name == "Failed"
    assert "pharma_latam" in state.message
