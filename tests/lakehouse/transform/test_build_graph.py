import pytest

from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.transform.build_graph import anchors, build_graph, left_unbuilt, selector_of


def node(kind: str, *parents: str, **fields: object) -> dict[str, object]:
    return {"resource_type": kind, "depends_on": {"nodes": list(parents)}, **fields}


@pytest.fixture
def manifest() -> Manifest:
    """source > stg > mart, and other > mart; `mid` is between and never selected."""
    return Manifest(
        {
            "metadata": {"project_name": "p"},
            "nodes": {
                "model.p.stg": node("model", "source.p.raw"),
                "model.p.mid": node("model", "model.p.stg"),
                "model.p.mart": node("model", "model.p.mid", "model.p.other"),
                "model.p.other": node("model"),
                "test.p.raw": node("test", "source.p.raw"),
                "test.p.stg": node("test", "model.p.stg"),
                "test.p.both": node("test", "model.p.stg", "model.p.other"),
                "test.p.loose": node("test", "model.p.mart", "model.p.alone"),
                "model.p.alone": node("model"),
            },
            "sources": {"source.p.raw": node("source")},
            "unit_tests": {"unit_test.p.mart.u": node("unit_test", "model.p.mart")},
        }
    )


@pytest.fixture
def selected(manifest) -> list[str]:
    return [one for one in manifest.ids if one not in ("model.p.mid", "source.p.raw")]


def test_models_wait_for_parents_unit_tests_and_the_tests_above_them(manifest, selected):
    graph = build_graph(manifest, selected)
    assert set(graph.predecessors("model.p.stg")) == {"test.p.raw"}
    assert set(graph.predecessors("model.p.mart")) == {
        "model.p.stg",
        "model.p.other",
        "test.p.raw",
        "test.p.stg",
        "test.p.both",
        "unit_test.p.mart.u",
    }
    # What its model waits for a unit test waits for too.
    assert set(graph.predecessors("unit_test.p.mart.u")) == set(
        graph.predecessors("model.p.mart")
    ) - {"unit_test.p.mart.u"}
    assert set(graph.predecessors("test.p.both")) == {"model.p.stg", "model.p.other"}
    assert not set(graph.successors("test.p.loose"))


def test_a_test_belongs_with_the_node_below_all_that_it_reads(manifest, selected):
    graph = build_graph(manifest, selected)
    assert anchors(graph, manifest) == {
        "test.p.stg": "model.p.stg",
        "unit_test.p.mart.u": "model.p.mart",
    }


@pytest.mark.parametrize(
    ("statuses", "unbuilt"),
    [
        ({"test.p.stg": "fail"}, {"model.p.mart", "unit_test.p.mart.u", "test.p.loose"}),
        ({"test.p.stg": "warn"}, set()),
        (
            {"model.p.stg": "error"},
            {
                *("test.p.stg", "test.p.both", "test.p.loose"),
                *("model.p.mart", "unit_test.p.mart.u"),
            },
        ),
        ({"unit_test.p.mart.u": "fail"}, {"model.p.mart", "test.p.loose"}),
        ({"model.p.alone": "error"}, {"test.p.loose"}),
        ({"test.p.loose": "fail"}, set()),
    ],
)
def test_what_a_failure_leaves_unbuilt(manifest, selected, statuses, unbuilt):
    assert left_unbuilt(build_graph(manifest, selected), statuses) == unbuilt


@pytest.mark.parametrize(
    ("fields", "selector"),
    [
        (
            {"package_name": "p", "fqn": ["p", "shop", "orders"], "original_file_path": "m/o.sql"},
            "fqn:p.shop.orders,resource_type:model,path:m/o.sql",
        ),
        (
            {"package_name": "other", "fqn": ["other", "x"], "original_file_path": "m/x.sql"},
            "fqn:other.x,resource_type:model,package:other",
        ),
        (
            {
                "package_name": "p",
                "fqn": ["p", "every sale, priced+1"],
                "original_file_path": "a b.yml",
            },
            "fqn:p.every?sale??priced?1,resource_type:model,path:a?b.yml",
        ),
    ],
)
def test_a_selector_names_one_node(fields, selector):
    manifest = Manifest(
        {"metadata": {"project_name": "p"}, "nodes": {"model.x": node("model", **fields)}}
    )
    assert selector_of(manifest, "model.x") == selector
