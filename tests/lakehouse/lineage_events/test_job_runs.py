"""Extractions, builds and publications as job runs, from literal facts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from lakehouse.lake.ledger import Delivery
from lakehouse.lineage_events.build_runs import Warehouse, build_runs, node_times
from lakehouse.lineage_events.dataset_names import DatasetName, local_path
from lakehouse.lineage_events.job_runs import RunPlace
from lakehouse.lineage_events.load_runs import load_run
from lakehouse.lineage_events.publication_runs import publication_runs
from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.source_catalog import Table

BEGAN = datetime(2024, 2, 1, 6, tzinfo=UTC)
NOW = BEGAN + timedelta(minutes=5)
ELT = RunPlace("shop.elt", "11111111-1111-4111-8111-111111111111")
INGEST = RunPlace("shop.ingest", "22222222-2222-4222-8222-222222222222", ELT)
RAW = Path("/lake/raw")
FILE = Path("/w/shop.duckdb")
RAW_ORDERS = DatasetName("file", "/lake/raw/files/orders")
FCT = DatasetName("duckdb:///w/shop.duckdb", "shop.marts.fct_orders")


def make_table(**overrides):
    values = {
        "source": "files",
        "name": "orders",
        "connector": "files",
        "block": "landing",
        "schema_name": "raw",
        "meta": {"load": "append", "pattern": "*.csv"},
        "columns": [{"name": "order_id", "data_type": "integer"}, {"name": "email", "pii": True}],
        "file": Path("x.yml"),
    }
    return Table.model_validate({**values, **overrides})


def make_delivery(name="a.csv", status="loaded", rows=3):
    return Delivery(
        source_name="files",
        table_name="orders",
        file_name=name,
        size=1,
        mtime_ns=1,
        sha256="x",
        reading_hash="x",
        status=status,
        batch_id=None if status == "quarantined" else "b",
        rows_delivered=rows,
        rows_loaded=rows,
        rows_rejected=0,
        started_at=BEGAN.replace(tzinfo=None) + timedelta(seconds=1),
        seconds=2.0,
        reason="row 7: ana@example.com",
    )


def loaded(
    *deliveries, failed=False, table=None, source_name=lambda f: local_path(Path("/in") / f)
):
    return load_run(
        INGEST,
        table or make_table(),
        RAW,
        deliveries,
        source_name,
        failed=failed,
        began=BEGAN,
        now=NOW,
    )


def test_files_that_were_loaded_are_inputs_of_their_raw_table():
    run = loaded(make_delivery("b.csv"), make_delivery("a.csv"), make_delivery("c.csv", "known", 9))
    assert [one.name.name for one in run.inputs] == ["/in/a.csv", "/in/b.csv", "/in/c.csv"]
    (output,) = run.outputs
    assert output.name == RAW_ORDERS
    # Content that the lake has already is read and not written again.
    assert output.rows == 6
    assert [(one.name, one.type) for one in output.fields] == [
        ("order_id", "INTEGER"),
        ("email", "VARCHAR"),
    ]
    assert (run.started_at, run.ended_at) == (
        BEGAN + timedelta(seconds=1),
        BEGAN + timedelta(seconds=3),
    )
    assert (run.outcome, run.error, run.place.job) == ("COMPLETE", "", "shop.ingest.files.orders")


def test_a_refused_file_is_no_input_of_the_table_it_did_not_reach():
    run = loaded(make_delivery("good.csv"), make_delivery("bad.csv", "quarantined"))
    assert [one.name.name for one in run.inputs] == ["/in/good.csv"]
    assert run.outcome == "COMPLETE"


def test_a_table_of_which_every_delivery_is_refused_fails_and_quotes_no_reason():
    run = loaded(make_delivery("bad.csv", "quarantined"))
    assert [one.name.name for one in run.inputs] == ["/in/bad.csv"]
    assert run.outcome == "FAIL"
    assert "none of 1 deliveries" in run.error
    assert "ana@example.com" not in str(run)


def test_a_table_that_could_not_be_read_fails_with_its_source_if_that_is_known():
    name = DatasetName("mysql://db:3306", "shop.orders")
    table = make_table(connector="database", meta={"load": "snapshot", "database": {}})
    run = loaded(failed=True, table=table, source_name=lambda _: name)
    assert [one.name for one in run.inputs] == [name]
    assert (run.outcome, run.started_at, run.ended_at) == ("FAIL", BEGAN, NOW)
    assert loaded(failed=True, source_name=None).inputs == ()


def test_a_table_with_nothing_new_has_no_run():
    assert loaded() is None


def test_the_id_of_a_child_follows_from_its_parent_and_job():
    assert INGEST.child("x") == INGEST.child("x")
    assert INGEST.child("x").run_id != INGEST.child("y").run_id
    assert INGEST.child("x").run_id != ELT.child("x").run_id
    assert INGEST.child("x").root == ELT


def make_node(kind, name, schema, *parents, **more):
    return {
        "resource_type": kind,
        "name": name,
        "schema": schema,
        "fqn": ["aljibe", "shop", name],
        "depends_on": {"nodes": list(parents)},
        "config": {},
        "columns": {},
        **more,
    }


@pytest.fixture
def warehouse():
    fct_columns = {"order_id": {"name": "order_id", "data_type": "integer", "description": "Key."}}
    nodes = {
        "seed.aljibe.rates": make_node(
            "seed", "rates", "staging", root_path="/p", original_file_path="seeds/rates.csv"
        ),
        "model.aljibe.stg_orders": make_node(
            "model", "stg_orders", "staging", "source.aljibe.files.orders"
        ),
        "model.aljibe.helper": make_node(
            "model",
            "helper",
            "staging",
            "model.aljibe.stg_orders",
            config={"materialized": "ephemeral"},
        ),
        "model.aljibe.fct_orders": make_node(
            "model",
            "fct_orders",
            "marts",
            "model.aljibe.helper",
            "seed.aljibe.rates",
            columns=fct_columns,
            description="Orders.",
            config={"meta": {"publish": True}},
        ),
        "test.aljibe.unique": make_node("test", "unique", "dq", "model.aljibe.fct_orders"),
        "test.aljibe.source": make_node("test", "source", "dq", "source.aljibe.files.orders"),
    }
    source = make_node(
        "source", "orders", "raw", source_name="files", config={"meta": {"publish": True}}
    )
    manifest = Manifest({"nodes": nodes, "sources": {"source.aljibe.files.orders": source}})
    return Warehouse(manifest, FILE, {("files", "orders"): RAW_ORDERS})


def make_result(unique_id, status="pass", **more):
    kind, _, name = unique_id.split(".")
    return NodeResult(unique_id, name, kind, status, seconds=1.0, **more)


def built(warehouse, *nodes, times=None):
    results = BuildResults(nodes, "i", NOW, 9.0, "1.11")
    runs = build_runs(INGEST, warehouse, results, times or {})
    return {run.place.job.removeprefix("shop.ingest."): run for run in runs}


def test_a_model_reads_the_raw_table_that_the_extraction_wrote(warehouse):
    run = built(warehouse, make_result("model.aljibe.stg_orders"))["model.aljibe.stg_orders"]
    assert [one.name for one in run.inputs] == [loaded(make_delivery()).outputs[0].name]


def test_a_model_reads_through_an_ephemeral_one_and_a_seed_reads_its_file(warehouse):
    runs = built(
        warehouse,
        make_result("seed.aljibe.rates"),
        make_result("model.aljibe.helper"),
        make_result("model.aljibe.fct_orders", rows=7),
    )
    assert list(runs) == ["seed.aljibe.rates", "model.aljibe.fct_orders"]
    assert [one.name.name for one in runs["model.aljibe.fct_orders"].inputs] == [
        "shop.staging.rates",
        "shop.staging.stg_orders",
    ]
    assert runs["seed.aljibe.rates"].inputs[0].name == DatasetName("file", "/p/seeds/rates.csv")
    (fct,) = runs["model.aljibe.fct_orders"].outputs
    assert (fct.name, fct.rows, fct.description) == (FCT, 7, "Orders.")
    assert [(one.name, one.type, one.description) for one in fct.fields] == [
        ("order_id", "integer", "Key.")
    ]


def test_a_model_that_failed_fails_and_one_that_was_skipped_did_not_run(warehouse):
    runs = built(
        warehouse,
        make_result(
            "model.aljibe.stg_orders", "error", message="could not convert 'ana@example.com'"
        ),
        make_result("model.aljibe.fct_orders", "skipped"),
    )
    assert list(runs) == ["model.aljibe.stg_orders"]
    run = runs["model.aljibe.stg_orders"]
    assert run.outcome == "FAIL"
    assert "could not be built" in run.error
    assert "ana@example.com" not in str(run)


@pytest.mark.parametrize(
    ("status", "severity", "outcome", "success"),
    [
        ("pass", "error", "COMPLETE", True),
        ("warn", "warn", "COMPLETE", False),
        ("fail", "error", "FAIL", False),
    ],
)
def test_tests_of_a_dataset_are_assertions_on_it(warehouse, status, severity, outcome, success):
    test = make_result(
        "test.aljibe.unique",
        status,
        severity=severity,
        failures=2,
        column="order_id",
        test_kind="unique",
        compiled_code="select 'ana@example.com'",
    )
    run = built(warehouse, test)["model.aljibe.fct_orders.test"]
    (tested,) = run.inputs
    (assertion,) = tested.assertions
    assert tested.name == FCT
    assert (run.outcome, assertion.success, assertion.severity) == (outcome, success, severity)
    assert (assertion.kind, assertion.column, assertion.failures) == ("unique", "order_id", 2)
    assert "ana@example.com" not in str(run)


def test_a_test_of_a_source_is_about_its_raw_table_and_a_unit_test_about_none(warehouse):
    runs = built(
        warehouse,
        make_result("test.aljibe.source", test_kind="not_null"),
        make_result("test.aljibe.unique", test_kind="unit_test"),
    )
    assert [one.name for run in runs.values() for one in run.inputs] == [RAW_ORDERS]


def test_times_of_nodes_are_those_of_dbts_results(warehouse):
    timing = [
        {
            "name": "compile",
            "started_at": "2024-02-01T06:00:01Z",
            "completed_at": "2024-02-01T06:00:02Z",
        },
        {
            "name": "execute",
            "started_at": "2024-02-01T06:00:02",
            "completed_at": "2024-02-01T06:00:04",
        },
    ]
    results = [
        {"unique_id": "model.aljibe.stg_orders", "timing": timing},
        {"unique_id": "model.aljibe.fct_orders", "timing": []},
    ]
    runs = built(
        warehouse,
        make_result("model.aljibe.stg_orders"),
        make_result("model.aljibe.fct_orders"),
        times=node_times({"results": results}),
    )
    spans = [(run.started_at, run.ended_at) for run in runs.values()]
    assert spans == [
        (BEGAN + timedelta(seconds=1), BEGAN + timedelta(seconds=4)),
        (NOW - timedelta(seconds=1), NOW),
    ]


def test_each_published_table_comes_from_what_was_built_or_loaded(warehouse):
    rows = {"marts.fct_orders": 7, "raw.orders": 3}
    serving = Path("/s/shop.duckdb")
    runs = publication_runs(INGEST, warehouse, "shop", serving, rows, began=BEGAN, now=NOW)
    ways = {run.inputs[0].name: (run.outputs[0].name, run.outputs[0].rows) for run in runs}
    assert ways == {
        FCT: (DatasetName("duckdb:///s/shop.duckdb", "shop.marts.fct_orders"), 7),
        RAW_ORDERS: (DatasetName("duckdb:///s/shop.duckdb", "shop.raw.orders"), 3),
    }
    database = make_url("postgresql://db.example.com/serving")
    runs = publication_runs(
        *(INGEST, warehouse, "shop", serving, rows), database=database, began=BEGAN, now=NOW
    )
    assert {run.outputs[1].name for run in runs} == {
        DatasetName("postgres://db.example.com:5432", "serving.shop_marts.fct_orders"),
        DatasetName("postgres://db.example.com:5432", "serving.shop_raw.orders"),
    }
