import json

import pytest

from lakehouse.errors import DbtCouldNotRun
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.dbt_freshness import judged_sources, run_source_freshness

DAY = {"count": 1, "period": "day"}
MANIFEST_VERSION = "https://schemas.getdbt.com/dbt/manifest/v12.json"
SOURCES_VERSION = "https://schemas.getdbt.com/dbt/sources/v3.json"


def source(name: str, **fields) -> dict:
    return {"package_name": "p", "source_name": "app", "name": name, **fields}


def write_manifest(build: DbtBuild, *sources: dict) -> None:
    build.target_path.mkdir(parents=True, exist_ok=True)
    content = {
        "metadata": {"dbt_schema_version": MANIFEST_VERSION},
        "sources": {f"source.p.app.{one['name']}": one for one in sources},
    }
    (build.target_path / "manifest.json").write_text(json.dumps(content))


def run(build: DbtBuild):
    return run_source_freshness(build, "profiles", timeout=20, on_line=lambda _line: None)


def test_only_sources_with_a_limit_and_a_time_of_loading_are_judged():
    limited = {"freshness": {"warn_after": DAY, "error_after": {"count": None, "period": None}}}
    sources = {
        name: source(name, **fields)
        for name, fields in {
            "a": {**limited, "loaded_at_field": "at"},
            "b": {**limited, "loaded_at_query": "select now()"},
            "no_time": limited,
            "no_limit": {"freshness": {"warn_after": {}}, "loaded_at_field": "at"},
            "nothing": {"freshness": None},
        }.items()
    }
    found = judged_sources(Manifest({"sources": sources}))
    assert found == {"a": "source:p.app.a", "b": "source:p.app.b"}


def test_dbt_is_not_started_where_nothing_can_be_judged(build, fake_dbt, tmp_path):
    fake_dbt(f"touch {tmp_path}/started")
    write_manifest(build, source("events", loaded_at_field="at"))
    assert run(build) is None
    assert not (tmp_path / "started").exists()


def test_a_dbt_without_results_is_an_error_and_leaves_nothing_behind(build, fake_dbt):
    fake_dbt("exit 1")
    write_manifest(build, source("events", loaded_at_field="at", freshness={"warn_after": DAY}))
    before = sorted(build.target_path.iterdir())
    with pytest.raises(DbtCouldNotRun, match=r"sources\.json"):
        run(build)
    assert sorted(build.target_path.iterdir()) == before


def test_dbt_writes_into_a_folder_of_its_own_and_what_it_leaves_out_is_an_error(build, fake_dbt):
    fake_dbt(
        f"""
        while [ "$1" != --target-path ]; do shift; done
        echo '{
            json.dumps(
                {
                    "metadata": {"dbt_schema_version": SOURCES_VERSION},
                    "results": [{"unique_id": "source.p.app.events", "status": "pass"}],
                }
            )
        }' > "$2/sources.json"
        echo overwritten > "$2/manifest.json"
        test -f "$2/partial_parse.msgpack" || exit 2
        exit 1
        """
    )
    judged = {"loaded_at_field": "at", "freshness": {"warn_after": DAY}}
    write_manifest(build, source("events", **judged), source("broken", **judged))
    (build.target_path / "partial_parse.msgpack").write_bytes(b"parsed")
    before = {path: path.read_bytes() for path in build.target_path.iterdir()}
    found = run(build)
    assert {one["unique_id"]: one["status"] for one in found["results"]} == {
        "source.p.app.events": "pass",
        "source.p.app.broken": "runtime error",
    }
    assert {path: path.read_bytes() for path in build.target_path.iterdir()} == before
