"""Builds and extractions in parts that no worker takes, so that the run does them itself."""

import shutil

import pytest
import yaml
from prefect.client.orchestration import get_client
from sqlalchemy import select

from flows.dbt_build import dbt_build
from flows.dbt_build_part import dbt_build_part
from flows.elt import elt
from flows.ingest import ingest
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.audit_schema import deliveries, node_results
from lakehouse.lake.run_parts import PlannedPart, RunParts
from lakehouse.quality.dbt_results import read_results
from lakehouse.settings import PROJECT_ROOT, load_settings
from lakehouse.transform import writers_at_once
from lakehouse.transform.build_history import BuildHistory
from tasks.build_in_parts import build_part

PROJECT = """
name: aljibe
profile: aljibe
macro-paths: [macros]
models: {aljibe: {+materialized: table}}
data_tests: {aljibe: {+store_failures: true, +schema: dq_audit}}
"""
MODELS = """
models:
  - name: stg_sales
    columns: [{name: id, data_tests: [unique]}]
  - name: left_sales
    columns:
      - name: id
        data_tests: [{relationships: {arguments: {to: "ref('right_sales')", field: id}}}]
  - name: right_sales
    columns: [{name: id, data_tests: [not_null]}]
  - name: late_sales
    columns: [{name: id, data_tests: [not_null]}]
"""
SQL = {
    "stg_sales": "select id, amount from {{ source('shop_files', 'sales') }}",
    "left_sales": "select * from {{ ref('stg_sales') }}",
    "right_sales": "select * from {{ ref('stg_sales') }}",
    "late_sales": "select * from {{ ref('right_sales') }}",
}
TABLES = ("sales", "returns", "visits")
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module", autouse=True)
def deployments(prefect):
    """The deployments of parts; nobody takes their runs."""
    with get_client(sync_client=True) as client:
        for name in ("dbt-build-part", "extract-part"):
            flow_id = client.create_flow_from_name(name)
            client.create_deployment(flow_id, "all-domains", enforce_parameter_schema=False)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """A domain whose file passes for one of many writers; nobody is waited for."""
    domain = tmp_path / "dbt" / "models" / "shop"
    domain.mkdir(parents=True)
    shutil.copytree(PROJECT_ROOT / "dbt" / "macros", tmp_path / "dbt" / "macros")
    shutil.copy(PROJECT_ROOT / "dbt" / "profiles.yml", tmp_path / "dbt")
    (tmp_path / "dbt" / "dbt_project.yml").write_text(PROJECT)
    (domain / "_shop__models.yml").write_text(MODELS)
    columns = [{"name": name, "data_type": "integer"} for name in ("id", "amount")]
    tables = [
        {"name": name, "columns": columns, "config": {"meta": {"pattern": f"{name}.csv"}}}
        for name in TABLES
    ]
    meta = {"connector": "files", "block": "landing-pharma-latam", "load": "append"}
    source = {"name": "shop_files", "schema": "raw", "config": {"meta": meta}, "tables": tables}
    (domain / "_shop__sources.yml").write_text(yaml.safe_dump({"sources": [source]}))
    for name, sql in SQL.items():
        layer = domain / ("staging" if name.startswith("stg_") else "marts")
        layer.mkdir(exist_ok=True)
        (layer / f"{name}.sql").write_text(sql)
    landing = tmp_path / "landing"
    landing.mkdir()
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ALJIBE_PROJECT_DIR", str(tmp_path / "dbt"))
    monkeypatch.setenv("PHARMA_LANDING", str(landing))
    monkeypatch.setenv("ALJIBE_PART_WAIT_SECONDS", "0")
    monkeypatch.setenv("ALJIBE_PART_START_SECONDS", "0")
    monkeypatch.setattr(writers_at_once, "builds_side_by_side", lambda _: True)
    return load_settings()


@pytest.fixture
def deliver(tmp_path):
    def _put(ids: str) -> None:
        for name in TABLES:
            rows = "".join(f"{number},{at}\n" for at, number in enumerate(ids))
            path = tmp_path / "landing" / f"{name}.csv"
            path.with_suffix(".part").write_text(f"id,amount\n{rows}")
            path.with_suffix(".part").rename(path)

    return _put


def last_build(settings):
    """The last build, and its nodes as the audit database keeps them."""
    engine = audit_engine(settings)
    build = BuildHistory(engine).last("shop")
    query = select(node_results).where(node_results.c.build_id == build.build_id)
    with engine.connect() as connection:
        return build, {
            row.unique_id: (row.status, row.failures, row.rows) for row in connection.execute(query)
        }


def causes(settings):
    """What each node of the last build was skipped for."""
    results = read_results(settings.dbt_target("shop"))
    return {node.unique_id: node.blocked_by for node in results.nodes}


@pytest.mark.soak
@pytest.mark.parametrize(("ids", "ends"), [("123", "Completed"), ("122", "Failed")])
def test_a_build_in_parts_ends_as_one_build_does(settings, deliver, ids, ends):
    deliver(ids)
    assert ingest("shop", return_state=True).is_completed()
    whole = dbt_build("shop", return_state=True)
    first, expected = last_build(settings)
    reasons = causes(settings)
    split = dbt_build("shop", full_refresh=True, parts=2, return_state=True)
    build, found = last_build(settings)
    assert (whole.name, split.name) == (ends, ends)
    assert split.message == whole.message
    assert found == expected
    assert causes(settings) == reasons
    assert build.build_id != first.build_id
    parts = RunParts(audit_engine(settings)).of(build.build_id)
    assert [(part.wave, part.status) for part in parts] == [
        (0, "done"),
        (1, "done"),
        (1, "done"),
        (2, "done"),
    ]
    assert all(part.outcome is None for part in parts)
    left_out = {node for part in parts for node in part.left_out}
    assert left_out == {one for one, (status, *_) in found.items() if status == "skipped"}
    assert bool(left_out) == (ends == "Failed")


@pytest.mark.soak
def test_a_build_that_was_broken_off_goes_on_with_what_is_left(settings, deliver, monkeypatch):
    deliver("123")
    assert ingest("shop", return_state=True).is_completed()
    built = []

    def _build(domain, build_id, number, writer):
        if len(built) == 2:
            built.append("killed")
            raise KeyboardInterrupt
        built.append(number)
        return build_part(domain, build_id, number, writer)

    monkeypatch.setattr("tasks.build_in_parts.build_part", _build)
    with pytest.raises(KeyboardInterrupt):
        dbt_build("shop", parts=2)
    first, _ = last_build(settings)
    assert first.status == "running"
    assert dbt_build("shop", parts=2, return_state=True).name == "Completed"
    build, _ = last_build(settings)
    assert build.build_id == first.build_id
    built.remove("killed")
    assert sorted(built) == [1, 2, 3, 4]
    # One that builds nothing tells the verdict of all parts.
    assert "nothing new" in dbt_build("shop", parts=2, return_state=True).message


def test_tables_in_parts_are_loaded_once_and_told_once(settings, deliver):
    deliver("123")
    state = ingest("shop", parts=2, return_state=True)
    assert state.name == "Completed"
    loads = state.result()["outcome"]
    assert [load["table"] for load in loads] == list(TABLES)
    assert all(load["deliveries"] for load in loads)
    assert "nothing new in 3 tables" in ingest("shop", parts=2, return_state=True).message
    with audit_engine(settings).connect() as connection:
        assert len(connection.execute(select(deliveries)).all()) == 3


def test_a_file_has_one_writer_and_is_not_split(settings, deliver, monkeypatch):
    deliver("123")
    monkeypatch.setattr(writers_at_once, "builds_side_by_side", lambda _: False)
    state = elt("shop", parts=2, return_state=True)
    assert state.is_failed()
    assert "ALJIBE_TARGET=lake" in state.message
    assert not settings.warehouse("shop").exists()


def test_a_part_that_no_run_waits_for_is_refused(settings):
    engine = audit_engine(settings)
    store, history = RunParts(engine), BuildHistory(engine)
    build_id = history.start("shop", "f", run_id="run")
    unknown = dbt_build_part("shop", build_id, 9, "me", return_state=True)
    assert "no part 9" in unknown.message
    (part,) = store.plan(build_id, "build", "shop", [PlannedPart(0, ("model.a",), {})])
    refused = dbt_build_part("shop", build_id, part.number, "me", return_state=True)
    assert refused.is_failed()
    assert "is over: nobody writes the domain now" in refused.message
    assert store.one(build_id, part.number).status == "planned"
