import json
from pathlib import Path

import pytest

from lakehouse.errors import DbtCouldNotRun
from lakehouse.quality.dbt_results import BuildResults, NodeResult, read_results

UNIQUE = {
    "attached_node": "model.p.stg",
    "column_name": "invoice_id",
    "parents": ["model.p.stg"],
    "test_metadata": {"name": "unique", "kwargs": {"column_name": "invoice_id"}},
    "config": {"severity": "warn", "meta": {"fix": {"es": "Arregle."}}},
}
GROUPS = {
    "group.p.ventas": {
        "name": "ventas",
        "owner": {"name": "Ventas"},
        "config": {"meta": {"language": "es"}},
    }
}


def write_artifacts(folder: Path, *, run: object = None, manifest: object = None) -> Path:
    kinds = {
        "run_results.json": ("run-results/v6", run),
        "manifest.json": ("manifest/v12", manifest),
    }
    for name, (kind, content) in kinds.items():
        schema = f"https://schemas.getdbt.com/dbt/{kind}.json"
        default = {
            "metadata": {"dbt_schema_version": schema, "generated_at": "2026-11-21T06:00:00Z"},
            "results": [],
            "nodes": {},
        }
        chosen = default if content is None else content
        (folder / name).write_text(chosen if isinstance(chosen, str) else json.dumps(chosen))
    return folder


def by_name(results: BuildResults) -> dict[str, NodeResult]:
    return {node.name: node for node in results.nodes}


def test_a_warning_test_knows_its_model_owner_and_fix(make_manifest, make_results):
    manifest = make_manifest(
        {"model.p.stg": {"group": "ventas"}, "test.p.unique_stg": UNIQUE}, groups=GROUPS
    )
    results = make_results(
        manifest, {"model.p.stg": "success", "test.p.unique_stg": {"status": "warn", "failures": 1}}
    )
    test = by_name(results)["unique_stg"]
    assert (test.model, test.column, test.test_kind) == ("stg", "invoice_id", "unique")
    assert (test.severity, test.owner, test.language) == ("warn", "Ventas", "es")
    assert test.fix == {"es": "Arregle."}
    assert results.verdict == "warned"
    assert results.headline() == "1 of 1 test warns: unique_stg (1 value)"
    assert results.headline({"test.p.unique_stg": 2}) == "1 of 1 test warns: unique_stg (2 rows)"


def test_a_project_without_groups_and_meta_is_read(make_manifest, make_results):
    manifest = make_manifest(
        {
            "seed.q.s": {},
            "snapshot.q.h": {"parents": ["seed.q.s"]},
            "operation.q.hook-0": {},
            "test.q.foreign": {
                "parents": ["seed.q.s"],
                "test_metadata": {"name": "at_least_one", "namespace": "dbt_utils"},
                "config": {"severity": "ERROR", "fail_calc": "sum(n)"},
            },
            "test.q.alone": {},
        }
    )
    results = make_results(
        manifest,
        {
            "seed.q.s": {"status": "success", "adapter_response": {"rows_affected": 3}},
            "snapshot.q.h": "success",
            "operation.q.hook-0": "success",
            "test.q.foreign": {"status": "fail", "failures": 7},
            "test.q.alone": "pass",
        },
    )
    found = by_name(results)
    assert found["foreign"].test_kind == "dbt_utils.at_least_one"
    assert found["foreign"].severity == "error"
    assert found["foreign"].count_text() == "7 results"
    assert (found["alone"].test_kind, found["alone"].model) == ("singular", None)
    assert found["s"].rows == 3
    assert [model.name for model in results.models] == ["s", "h"]
    assert found["s"].owner is None


def test_a_test_on_a_source_names_source_and_table(make_manifest, make_results):
    manifest = make_manifest(
        {
            "source.p.shop.orders": {"source_name": "shop", "source_meta": {"owner": "ana"}},
            "seed.p.codes": {},
            "test.p.rel": {
                "parents": ["seed.p.codes", "source.p.shop.orders"],
                "column_name": '"id"',
                "test_metadata": {
                    "name": "relationships",
                    "kwargs": {"model": "{{ get_where_subquery(source('shop', 'orders')) }}"},
                },
            },
        }
    )
    (test,) = make_results(manifest, {"test.p.rel": "pass"}).tests
    assert (test.model, test.column, test.owner) == ("shop.orders", "id", "ana")


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        (["success", "pass"], "passed"),
        (["success", "warn"], "warned"),
        (["success", "fail"], "failed"),
        (["error", "skipped"], "failed"),
        (["runtime error", "pass"], "failed"),
        (["partial success", "pass"], "failed"),
        (["a status of later versions", "pass"], "failed"),
        (["success", "skipped"], "failed"),
        (["no-op", "pass"], "passed"),
    ],
)
def test_the_verdict_follows_from_the_statuses(make_manifest, make_results, statuses, verdict):
    manifest = make_manifest({"model.p.stg": {}, "test.p.unique_stg": UNIQUE})
    results = make_results(
        manifest, dict(zip(("model.p.stg", "test.p.unique_stg"), statuses, strict=True))
    )
    assert results.verdict == verdict


def test_results_survive_the_way_through_json(make_manifest, make_results):
    manifest = make_manifest({"model.p.stg": {}, "test.p.unique_stg": UNIQUE})
    results = make_results(manifest, {"model.p.stg": "error", "test.p.unique_stg": "skipped"})
    stored = json.loads(json.dumps(results.to_dict()))
    assert BuildResults.from_dict(stored) == results
    assert by_name(results)["unique_stg"].blocked_by == ("stg",)


@pytest.mark.parametrize("stored", [{}, {"nodes": [{"name": "x"}]}, {"nodes": 3}])
def test_stored_results_that_cannot_be_read_say_what_to_do(stored):
    with pytest.raises(DbtCouldNotRun, match="Run the build again"):
        BuildResults.from_dict(stored)


def test_missing_results_say_that_dbt_ended_early(tmp_path):
    with pytest.raises(DbtCouldNotRun, match=r"left no run_results\.json.*run again"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ('{"metadata": {"dbt_sch', "cut short"),
        ([1, 2], "not a run-results file"),
        ({"metadata": {"dbt_schema_version": "https://x/dbt/catalog/v1.json"}}, "catalog/v1"),
        ({"metadata": {"dbt_schema_version": "https://x/dbt/run-results/v6.json"}}, "results"),
    ],
)
def test_damaged_or_foreign_results_are_refused(tmp_path, run, words):
    write_artifacts(tmp_path, run=run)
    with pytest.raises(DbtCouldNotRun, match=words):
        read_results(tmp_path)


def test_results_of_another_project_are_refused(tmp_path):
    run = {
        "metadata": {
            "dbt_schema_version": "https://x/dbt/run-results/v6.json",
            "generated_at": "2026-11-21T06:00:00Z",
        },
        "results": [{"unique_id": "model.other.m", "status": "success"}],
    }
    write_artifacts(tmp_path, run=run)
    with pytest.raises(DbtCouldNotRun, match=r"model\.other\.m is not in the manifest"):
        read_results(tmp_path)


def test_a_run_of_nothing_has_passed(tmp_path):
    results = read_results(write_artifacts(tmp_path))
    assert (results.verdict, results.headline()) == ("passed", "0 models built, no tests")


def test_terminal_colours_are_taken_from_messages(make_manifest, make_results):
    manifest = make_manifest({"unit_test.p.ut": {"model": "stg", "parents": []}})
    (unit,) = make_results(
        manifest, {"unit_test.p.ut": {"status": "fail", "message": "\x1b[31mactual\x1b[0m\r\n"}}
    ).tests
    assert unit.message == "actual"
    assert (unit.model, unit.test_kind, unit.severity) == ("stg", "unit_test", "error")


def test_nodes_of_one_name_are_told_apart_by_version_and_package(make_manifest, make_results):
    orders = {"version": 2, "package_name": "p"}
    rule = {"parents": ["model.p.orders.v2"]}
    manifest = make_manifest(
        {
            "model.p.orders.v2": orders,
            "test.p.assert_rule.1": {**rule, "package_name": "p"},
            "test.other.assert_rule.2": {**rule, "package_name": "other"},
            "test.other.assert_alone.3": {**rule, "package_name": "other"},
            "unit_test.p.orders.kept_v2": {**rule, **orders, "name": "kept"},
        },
        metadata={"project_name": "p"},
    )
    results = make_results(manifest, dict.fromkeys(manifest.content["nodes"], "success"))
    assert [node.name for node in results.nodes] == [
        "orders.v2",
        "assert_rule",
        "other.assert_rule",
        "assert_alone",
    ]
    assert {node.model for node in results.tests} == {"orders.v2"}
    unit_tests = make_results(manifest, {"unit_test.p.orders.kept_v2": "pass"})
    assert [node.label for node in unit_tests.nodes] == ["orders.v2::kept"]
