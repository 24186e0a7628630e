"""What a warehouse does not hold yet, and which tests a build of a part leaves out for it."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import duckdb
import pytest

from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.transform.unbuilt_parts import has_unbuilt_parts, left_out_tests

SCHEMA = "https://schemas.getdbt.com/dbt/manifest/v12.json"


def node(kind, name, path, domain="shop", materialized="table"):
    return {
        "resource_type": kind,
        "fqn": ["p", domain, name],
        "schema": "core",
        "name": name,
        "original_file_path": path,
        "config": {"materialized": materialized},
    }


NODES = {
    "model.p.a": node("model", "a", "models/shop/a.sql"),
    "seed.p.s": node("seed", "s", "seeds/shop/s.csv"),
    "model.p.inlined": node("model", "inlined", "models/shop/i.sql", materialized="ephemeral"),
    "model.p.of_another": node("model", "of_another", "models/mill/o.sql", domain="mill"),
}


@pytest.fixture
def built(build):
    """A warehouse that holds all of the domain, and the manifest of its build."""
    build.target_path.mkdir(parents=True)
    (build.target_path / "manifest.json").write_text(
        json.dumps({"metadata": {"dbt_schema_version": SCHEMA}, "nodes": NODES})
    )
    with duckdb.connect(str(build.warehouse)) as connection:
        connection.execute("create schema core")
        connection.execute("create table core.a as select 1 as id")
        connection.execute("create view core.s as select 1 as id")
    return build


def test_a_warehouse_that_holds_every_model_and_seed_lacks_nothing(built):
    assert not has_unbuilt_parts(built)


def test_without_a_warehouse_or_a_build_before_everything_is_missing(built):
    (built.target_path / "manifest.json").unlink()
    assert has_unbuilt_parts(built)
    built.warehouse.unlink()
    assert has_unbuilt_parts(built)


def test_a_relation_that_was_dropped_is_missing(built):
    with duckdb.connect(str(built.warehouse)) as connection:
        connection.execute("drop view core.s")
    assert has_unbuilt_parts(built)


def test_a_file_that_came_after_the_last_build_is_missing(built):
    (built.project_dir / "models/shop/new.sql").write_text("select 1 as id")
    assert has_unbuilt_parts(built)


@pytest.mark.parametrize(
    ("reads", "is_left_out"),
    [
        (["model.p.a", "model.p.b"], True),
        (["model.p.a"], False),
        (["model.p.b"], False),
        (["model.p.a", "model.p.inlined"], False),
        (["model.p.a", "source.p.raw.t"], False),
    ],
)
def test_tests_wait_that_read_what_was_built_and_what_was_not(build, reads, is_left_out):
    nodes = NODES | {
        "model.p.b": node("model", "b", "models/shop/b.sql"),
        "test.p.t": {
            "resource_type": "test",
            "name": "t",
            "depends_on": {"nodes": reads},
        },
    }
    manifest = Manifest({"nodes": nodes})
    results = BuildResults(
        (NodeResult("model.p.a", "a", "model", "pass"),),
        "i",
        datetime(2026, 1, 1, tzinfo=UTC),
        1,
        "1",
    )
    part = replace(build, select="a", only_buildable_tests=True)
    assert left_out_tests(part, results, manifest) == ({"test.p.t": "t"} if is_left_out else {})
    assert left_out_tests(replace(part, only_buildable_tests=False), results, manifest) == {}
