from pathlib import Path

import duckdb
import pytest
import yaml

from lakehouse.errors import DbtCouldNotRun, WarehouseUnusable
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.profile_target import missing_values, written_by
from lakehouse.transform.warehouse_mark import mark_build, marked_build


@pytest.fixture
def foreign(settings, tmp_path):
    """`foreign({"type": "duckdb", "path": "x.duckdb"}, target=...)`: a build of another project."""

    def make(output, profile="{{ env_var('PROFILE', 'f') }}", outputs=None, **options) -> DbtBuild:
        root = tmp_path / "foreign"
        root.mkdir(exist_ok=True)
        (root / "dbt_project.yml").write_text(yaml.safe_dump({"name": "f", "profile": profile}))
        profiles = {"f": {"target": "dev", "outputs": outputs or {"dev": output}}}
        (root / "profiles.yml").write_text(yaml.safe_dump(profiles))
        return DbtBuild.of(settings, "jaffle", project_dir=str(root), **options)

    return make


def test_our_own_project_writes_the_warehouse_of_the_domain(build, settings):
    assert written_by(build) == settings.warehouse("shop")


def test_a_relative_path_counts_from_the_project(foreign, tmp_path):
    build = foreign({"type": "duckdb", "path": "db/x.duckdb"})
    assert written_by(build) == tmp_path / "foreign/db/x.duckdb"


def test_a_path_may_come_from_the_environment(foreign, monkeypatch, settings):
    monkeypatch.setenv("SHOP_DB", "/var/x y:z.duckdb")
    assert written_by(foreign({"type": "duckdb", "path": "{{ env_var('SHOP_DB') }}"})) == Path(
        "/var/x y:z.duckdb"
    )
    default = foreign({"type": "duckdb", "path": "{{ env_var('NO_DB', '/var/d.duckdb') }}"})
    assert written_by(default) == Path("/var/d.duckdb")
    ours = foreign({"type": "duckdb", "path": "{{ env_var('ALJIBE_WAREHOUSE') }}"})
    assert written_by(ours) == settings.warehouse("jaffle")


@pytest.mark.parametrize(
    "output",
    [
        {"type": "duckdb"},
        {"type": "duckdb", "path": ":memory:"},
        {"type": "duckdb", "path": "md:cloud"},
        {"type": "duckdb", "path": "s3://bucket/x"},
        {"type": "duckdb", "path": "{{ prefect.variables.x }}"},
        {"type": "postgres", "path": "x.duckdb"},
    ],
    ids=str,
)
def test_what_is_no_local_written_by_gives_none(foreign, output):
    assert written_by(foreign(output)) is None


def test_the_target_is_the_one_given_then_dbt_s_variable_then_the_profile_s(foreign, monkeypatch):
    outputs = {
        name: {"type": "duckdb", "path": f"/var/{name}.db"} for name in ("dev", "ci", "prod")
    }
    assert written_by(foreign(None, outputs=outputs)) == Path("/var/dev.db")
    monkeypatch.setenv("DBT_TARGET", "ci")
    assert written_by(foreign(None, outputs=outputs)) == Path("/var/ci.db")
    assert written_by(foreign(None, outputs=outputs, target="prod")) == Path("/var/prod.db")


@pytest.mark.parametrize(
    ("build_of", "words"),
    [
        ({"output": {}, "profile": "other"}, "no profile 'other'"),
        ({"output": {}, "target": "prod"}, "no target 'prod'"),
        ({"output": {"type": "duckdb", "path": "{{ env_var('UNSET_DB') }}"}}, "UNSET_DB"),
        ({"output": {"type": "duckdb", "path": "{{ broken"}}, "cannot be resolved"),
        ({"output": {"type": "duckdb", "path": "{{ ''.__class__.mro() }}"}}, "cannot be resolved"),
        ({"output": None, "outputs": ["dev"]}, "no target 'dev'"),
    ],
    ids=str,
)
def test_a_profile_that_leads_nowhere_is_a_clear_error(foreign, build_of, words):
    with pytest.raises(DbtCouldNotRun, match=words):
        written_by(foreign(**build_of))


def test_a_profile_that_is_no_yaml_is_a_clear_error(foreign, tmp_path):
    build = foreign({})
    (tmp_path / "foreign" / "profiles.yml").write_text("f: [")
    with pytest.raises(DbtCouldNotRun, match=r"profiles\.yml cannot be read"):
        written_by(build)


def test_values_that_prefect_resolved_to_nothing_are_found():
    before = {"a": {"path": "{{ prefect.variables.x }}", "list": ["{{ prefect.blocks.b }}", "y"]}}
    after = {"a": {"path": "", "list": [None]}}
    assert list(missing_values(before, after)) == [
        "profiles.yml.a.path: {{ prefect.variables.x }}",
        "profiles.yml.a.list[0]: {{ prefect.blocks.b }}",
    ]
    assert list(missing_values({"a": "{{ env_var('X') }}", "b": ""}, {"a": "", "b": ""})) == []
    assert list(missing_values(before, {"a": {"path": "/x", "list": ["b", "y"]}})) == []


def test_a_warehouse_says_which_build_made_it(tmp_path):
    path = tmp_path / "w.duckdb"
    assert marked_build(path) is None
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table t as select 1")
    assert marked_build(path) is None
    for build_id in ("first", "second"):
        with duckdb.connect(str(path)) as connection:
            mark_build(connection, build_id)
        assert marked_build(path) == build_id


def test_a_damaged_warehouse_has_no_build_but_an_error(tmp_path):
    (tmp_path / "w.duckdb").write_bytes(b"torn" * 5000)
    with pytest.raises(WarehouseUnusable, match="damaged"):
        marked_build(tmp_path / "w.duckdb")
