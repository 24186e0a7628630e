"""Before a build on Spark: what is missing is told at once, and what is there is shown whole."""

import importlib.util
import socket
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from lakehouse.errors import (
    DbtCouldNotRun,
    SettingsInvalid,
    SparkMissing,
    SparkNeverBuilt,
    SparkUnreachable,
)
from lakehouse.settings import load_settings
from lakehouse.transform.build_engine import WarehouseEngine, engine_of
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.spark import engine as engine_module
from lakehouse.transform.spark.child import PLAN
from lakehouse.transform.spark.engine import SparkEngine
from lakehouse.transform.spark.master import assert_reachable
from lakehouse.transform.spark.session_plan import SessionPlan, ShownTable

DOMAIN = "wells"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path))
    monkeypatch.setenv("ALJIBE_TARGET", "spark")
    return load_settings()


@pytest.fixture
def build(settings):
    build = DbtBuild.of(settings, DOMAIN)
    build.warehouse.parent.mkdir(parents=True)
    with duckdb.connect(str(build.warehouse)) as connection:
        connection.execute("create schema raw; create schema etl")
        connection.execute("create table etl.current_batches (batch_id varchar)")
        for table in ("sensor_data", "equipos", "eventos"):
            connection.execute(f"create view raw.{table} as select null::varchar as pozo")
    return build


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(engine_module, "_assert_installed", lambda: None)


def test_the_setting_decides_the_engine_and_commands_that_read_stay_in_the_warehouse(
    settings, build
):
    assert isinstance(engine_of(build, settings), SparkEngine)
    assert build.command("build")[-2:] == ["--target", "spark"]
    assert build.in_warehouse.command("docs")[-2:] == ["--target", "embedded"]
    embedded = DbtBuild.of(settings, DOMAIN, target="embedded")
    assert isinstance(engine_of(embedded, settings), WarehouseEngine)
    assert embedded.in_warehouse is embedded
    assert isinstance(engine_of(DbtBuild.of(settings, "olist"), settings), WarehouseEngine)


def test_another_projects_target_of_that_name_is_its_own(settings, build):
    assert isinstance(engine_of(replace(build, foreign=True), settings), WarehouseEngine)


def test_the_session_is_told_of_raw_etl_and_what_was_built(settings, build, installed):
    with SparkEngine.of(settings).around(build) as child:
        plan = SessionPlan.read(Path(child.environment[PLAN]))
        assert child.script.name == "child.py"
        assert plan.master == "local[*]"
        assert sorted(f"{table.schema}.{table.name}" for table in plan.tables) == [
            "etl.current_batches",
            "raw.equipos",
            "raw.eventos",
            "raw.sensor_data",
        ]
        written = plan.tables_dir / "core.db" / "pozos"
        written.mkdir(parents=True)
        duckdb.sql(f"copy (select 1 as id) to '{written}/part-0.parquet'")
        (written / "_SUCCESS").touch()
    with SparkEngine.of(settings).around(build) as child:
        plan = SessionPlan.read(Path(child.environment[PLAN]))
        assert plan.tables[-1] == ShownTable("core", "pozos", str(written), (("id", "int"),))


def build_that_fails(settings, build):
    with SparkEngine.of(settings).around(build) as child:
        written = SessionPlan.read(Path(child.environment[PLAN])).tables_dir
        (written / "core.db" / "pozos").mkdir(parents=True)
        (written / "core.db" / "pozos" / "_SUCCESS").touch()
        raise DbtCouldNotRun("it did not")


def test_a_failed_child_leaves_the_warehouse_as_it_was(settings, build, installed):
    with pytest.raises(DbtCouldNotRun):
        build_that_fails(settings, build)
    with duckdb.connect(str(build.warehouse)) as connection:
        names = connection.execute("select schema_name from duckdb_schemas()").fetchall()
    assert ("core",) not in names


def test_a_part_alone_is_refused_while_spark_has_nothing_of_the_rest(settings, build, installed):
    part = replace(build, select="pozos")
    with (
        pytest.raises(SparkNeverBuilt, match="Build all of it once"),
        SparkEngine.of(settings).around(part),
    ):
        pass


def test_python_without_spark_says_how_to_get_it(settings, build, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with (
        pytest.raises(SparkMissing, match="make venv-spark"),
        SparkEngine.of(settings).around(build),
    ):
        pass


def test_a_machine_without_java_says_how_to_get_it(settings, build, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(SparkMissing, match="openjdk-17"), SparkEngine.of(settings).around(build):
        pass


def test_node_tasks_have_no_session(settings, build):
    with pytest.raises(DbtCouldNotRun, match="trace_nodes"):
        engine_of(build, settings).allow_node_tasks()


def test_a_master_that_nobody_answers_for_is_told_with_its_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"spark://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(SparkUnreachable, match=f"{url}.*ALJIBE_SPARK_MASTER"):
            assert_reachable(url)


def test_one_master_of_several_is_enough():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        ports = (free.getsockname()[1], server.getsockname()[1])
        assert_reachable("spark://" + ",".join(f"127.0.0.1:{port}" for port in ports))


@pytest.mark.parametrize("master", ["local", "local[2]", "local[*]", "yarn", "k8s://https://h:443"])
def test_known_kinds_of_masters_are_taken(master, monkeypatch):
    monkeypatch.setenv("ALJIBE_SPARK_MASTER", master)
    assert load_settings().spark_master == master
    assert_reachable(master)


@pytest.mark.parametrize("master", ["spark://host", "spark://host:x", "host:7077", "local[0]"])
def test_others_are_an_invalid_setting(master, monkeypatch):
    monkeypatch.setenv("ALJIBE_SPARK_MASTER", master)
    with pytest.raises(SettingsInvalid, match="ALJIBE_SPARK_MASTER"):
        load_settings()


def test_raw_in_a_bucket_is_refused_as_spark_would_take_it_for_empty(build, monkeypatch):
    monkeypatch.setenv("ALJIBE_RAW_URL", "s3://lake/raw")
    monkeypatch.setenv("ALJIBE_RAW_SINGLE_HOST", "true")
    with pytest.raises(SettingsInvalid, match="ALJIBE_RAW_URL names a bucket"):
        engine_of(build, load_settings())
