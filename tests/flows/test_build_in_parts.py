"""Builds and extractions in parts that no worker takes, so that the run does them itself."""

import duckdb
import pytest
from prefect.client.orchestration import get_client
from sqlalchemy import select

from demo.pharma_deliveries import seed_deliveries
from flows.dbt_build import dbt_build
from flows.elt import elt
from flows.ingest import ingest
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.audit_schema import deliveries, node_results
from lakehouse.lake.run_parts import RunParts
from lakehouse.quality.dbt_results import read_results
from lakehouse.transform import writers_at_once
from lakehouse.transform.build_history import BuildHistory
from tasks.build_in_parts import build_part

DOMAIN = "pharma_latam"
pytestmark = pytest.mark.long


@pytest.fixture(scope="module", autouse=True)
def deployments(prefect):
    """The deployments of parts; nobody takes their runs."""
    with get_client(sync_client=True) as client:
        for name in ("dbt-build-part", "extract-part"):
            flow_id = client.create_flow_from_name(name)
            client.create_deployment(flow_id, "all-domains", enforce_parameter_schema=False)


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Nobody is waited for, every cut is worth it, and the file passes for one of many writers."""
    monkeypatch.setenv("ALJIBE_PART_WAIT_SECONDS", "0")
    monkeypatch.setenv("ALJIBE_PART_START_SECONDS", "0")
    monkeypatch.setattr(writers_at_once, "builds_side_by_side", lambda _: True)


def statuses(settings):
    """Nodes of the last build as the audit database keeps them: status, failures and rows."""
    engine = audit_engine(settings)
    build = BuildHistory(engine).last(DOMAIN)
    query = select(node_results).where(node_results.c.build_id == build.build_id)
    with engine.connect() as connection:
        return build, {
            row.unique_id: (row.status, row.failures, row.rows) for row in connection.execute(query)
        }


def causes(settings):
    """What each node of the last build was skipped for."""
    results = read_results(settings.dbt_target(DOMAIN))
    return {node.unique_id: node.blocked_by for node in results.nodes}


def test_a_build_in_parts_ends_as_one_build_does(landing, settings, deliver, run, sales):
    seed_deliveries(landing)
    assert run().name == "Completed"
    whole, expected = statuses(settings)
    before = sales()
    settings.serving(DOMAIN).unlink()
    state = run(full_refresh=True, parts=3)
    assert state.name == "Completed"
    build, found = statuses(settings)
    assert found == expected
    assert build.build_id != whole.build_id
    assert sales() == before
    parts = RunParts(audit_engine(settings)).of(build.build_id)
    assert len(parts) > 3
    assert {part.status for part in parts} == {"done"}
    assert max(part.wave for part in parts) >= 1
    assert all(part.outcome is None for part in parts)
    # One that builds nothing tells the verdict of all parts.
    assert "nothing new" in run(parts=3).message


def test_what_fails_in_one_part_skips_what_needs_it_in_others(
    landing, settings, deliver, run, repeated_in_argentina
):
    seed_deliveries(landing)
    deliver("ventas_arg.csv", repeated_in_argentina)
    whole = run(full_refresh=True)
    _, expected = statuses(settings)
    names = {
        node.unique_id: node.blocked_by for node in read_results(settings.dbt_target(DOMAIN)).nodes
    }
    assert whole.name == "Failed"
    split = run(full_refresh=True, parts=3)
    assert split.name == "Failed"
    assert split.message == whole.message
    _, found = statuses(settings)
    assert found == expected
    assert "skipped" in {status for status, _, _ in found.values()}
    again = {
        node.unique_id: node.blocked_by for node in read_results(settings.dbt_target(DOMAIN)).nodes
    }
    assert again == names


def test_a_build_that_was_broken_off_goes_on_with_what_is_left(
    landing, settings, run, sales, monkeypatch
):
    seed_deliveries(landing)
    assert ingest(DOMAIN, return_state=True).is_completed()
    built = []

    def _dies_at_second(domain, build_id, number, writer):
        if len(built) == 1:
            raise KeyboardInterrupt
        built.append(number)
        return build_part(domain, build_id, number, writer)

    monkeypatch.setattr("tasks.build_in_parts.build_part", _dies_at_second)
    with pytest.raises(KeyboardInterrupt):
        dbt_build(DOMAIN, parts=3)
    first, _ = statuses(settings)
    assert first.status == "running"

    def _counted(domain, build_id, number, writer):
        built.append(number)
        return build_part(domain, build_id, number, writer)

    monkeypatch.setattr("tasks.build_in_parts.build_part", _counted)
    assert run(parts=3).name == "Completed"
    build, _ = statuses(settings)
    assert build.build_id == first.build_id
    assert sorted(built) == [
        part.number for part in RunParts(audit_engine(settings)).of(build.build_id)
    ]
    assert len(sales()) == 5


def test_tables_in_parts_are_loaded_once_and_told_once(landing, settings, run, sales):
    seed_deliveries(landing)
    state = ingest(DOMAIN, parts=2, return_state=True)
    assert state.is_completed()
    loads = state.result()["outcome"]
    assert [load["table"] for load in loads] == ["productos", "ventas_arg", "ventas_bra"]
    assert all(load["deliveries"] for load in loads)
    again = ingest(DOMAIN, parts=2, return_state=True)
    assert "nothing new in 3 tables" in again.message
    with audit_engine(settings).connect() as connection:
        assert len(connection.execute(select(deliveries)).all()) == 3


def test_a_file_has_one_writer_and_is_not_split(landing, settings, monkeypatch):
    seed_deliveries(landing)
    monkeypatch.setattr(writers_at_once, "builds_side_by_side", lambda _: False)
    state = elt(DOMAIN, parts=2, return_state=True)
    assert state.is_failed()
    assert "ALJIBE_TARGET=lake" in state.message
    assert not settings.warehouse(DOMAIN).exists()


def test_a_part_that_nobody_asked_for_is_refused(landing, settings, run):
    seed_deliveries(landing)
    assert run(parts=3).name == "Completed"
    build, _ = statuses(settings)
    from flows.dbt_build_part import dbt_build_part  # noqa: PLC0415

    unknown = dbt_build_part(DOMAIN, build.build_id, 99, "me", return_state=True)
    assert unknown.is_failed()
    assert "no part 99" in unknown.message
    with duckdb.connect(str(settings.warehouse(DOMAIN)), read_only=True) as connection:
        before = connection.execute("select count(*) from consume.fct_ventas_latam").fetchone()
    engine = audit_engine(settings)
    store = RunParts(engine)
    part = store.of(build.build_id)[0]
    store.fail(part, ValueError("x"))
    refused = dbt_build_part(DOMAIN, build.build_id, part.number, build.run_id, return_state=True)
    assert refused.is_failed()
    assert "is over: nobody writes the domain now" in refused.message
    assert store.one(build.build_id, part.number).status == "planned"
    assert before == (5,)
