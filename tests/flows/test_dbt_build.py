"""Builds: what fails, what is skipped, what is killed, and other people's projects."""

import shutil
from datetime import date

import duckdb
import pytest
from prefect.client.orchestration import get_client

from demo.pharma_deliveries import seed_deliveries
from flows.backfill import backfill
from flows.dbt_build import dbt_build
from flows.publish import publish

DOMAIN = "pharma_latam"


@pytest.mark.long
def test_a_partial_build_does_not_clear_a_failure_elsewhere(
    landing, deliver, run, sales, repeated_in_argentina
):
    seed_deliveries(landing)
    run()
    yesterday = sales()
    deliver("ventas_arg.csv", repeated_in_argentina)
    assert run().name == "Failed"
    part = dbt_build(DOMAIN, select="stg_productos_farma", return_state=True)
    assert part.name == "Completed"
    state = publish(DOMAIN, return_state=True)
    assert state.name == "Failed"
    assert "unique_stg_ventas_arg_invoice_id" in state.message
    assert sales() == yesterday


@pytest.mark.long
def test_a_deleted_warehouse_is_built_anew(landing, settings, run, sales):
    seed_deliveries(landing)
    run()
    settings.warehouse(DOMAIN).unlink()
    state = run()
    assert state.name == "Completed"
    assert "nothing new, the verdict" not in state.message
    assert len(sales()) == 5


@pytest.mark.long
def test_dbt_that_takes_too_long_is_killed_and_gives_the_lock_back(
    landing, settings, monkeypatch, run
):
    seed_deliveries(landing)
    monkeypatch.setenv("ALJIBE_DBT_TIMEOUT_SECONDS", "1")
    state = run()
    assert state.name == "Failed"
    assert "ALJIBE_DBT_TIMEOUT_SECONDS" in state.message
    monkeypatch.delenv("ALJIBE_DBT_TIMEOUT_SECONDS")
    assert run().name == "Completed"


@pytest.mark.long
def test_sql_that_does_not_compile_fails_with_dbts_own_words(
    landing, settings, tmp_path, monkeypatch, run
):
    project = tmp_path / "dbt"
    shutil.copytree(settings.project_dir, project, ignore=shutil.ignore_patterns("target", "logs"))
    model = project / "models" / DOMAIN / "staging" / "stg_ventas_arg.sql"
    model.write_text("select {{ ref('no_such_model') }}")
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", str(project))
    seed_deliveries(landing)
    state = run()
    assert state.name == "Failed"
    assert "no_such_model" in state.message


@pytest.mark.long
def test_node_tasks_show_the_graph_and_release_the_warehouse(landing, settings, warehouse, run):
    seed_deliveries(landing)
    run()
    state = dbt_build(
        DOMAIN, select="stg_ventas_arg", full_refresh=True, trace_nodes=True, return_state=True
    )
    assert state.name == "Completed"
    with get_client(sync_client=True) as client:
        names = [
            task.name
            for task in client.read_task_runs(limit=200)
            if task.flow_run_id == state.state_details.flow_run_id
        ]
    assert any("stg_ventas_arg" in name for name in names)
    # Another connection can write: the file was released.
    with duckdb.connect(str(settings.warehouse(DOMAIN))) as connection:
        connection.execute("create table etl.probe as select 1 as one")


def test_a_domain_that_reads_no_range_of_days_is_not_built_by_days(settings):
    state = backfill(DOMAIN, date(2024, 1, 1), date(2024, 1, 31), return_state=True)
    assert state.is_failed()
    assert f"{DOMAIN} cannot be built by days" in state.message
    assert not settings.warehouse(DOMAIN).exists()
