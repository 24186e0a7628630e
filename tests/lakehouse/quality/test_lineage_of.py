from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lakehouse.quality.build_results import BuildResults, NodeResult, Status
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.quality.lineage_of import lineage_of
from lakehouse.quality.run_facts import Lineage

SHOP: dict[str, dict[str, Any]] = {
    "source.p.crm.clients": {},
    "source.p.crm.unread": {},
    "seed.p.rates": {"group": "sales"},
    "model.p.tidy": {
        "parents": ["source.p.crm.clients"],
        "config": {"materialized": "ephemeral"},
    },
    "model.p.stg": {"parents": ["model.p.tidy"], "group": "sales"},
    "model.p.mart": {
        "parents": ["model.p.stg", "seed.p.rates"],
        "schema": "consume",
        "alias": "Mart",
        "config": {"group": "sales"},
    },
    "model.p.other_domain": {"parents": ["source.p.crm.unread"]},
    "metric.p.revenue": {"parents": ["model.p.mart"]},
    "exposure.p.board": {"parents": ["metric.p.revenue"], "label": "Board, daily"},
    "exposure.p.foreign": {"parents": ["model.p.other_domain"]},
    "test.p.unique_stg": {"parents": ["model.p.stg"], "attached_node": "model.p.stg"},
    "test.p.assert_sums_agree": {"parents": ["model.p.stg", "model.p.mart"]},
    "unit_test.p.mart.rounds": {"parents": ["model.p.mart"]},
    "test.p.source_not_null": {"parents": ["source.p.crm.clients"]},
}
BUILT = ["seed.p.rates", "model.p.stg", "model.p.mart"]
_SECTIONS = {"source": "sources", "unit_test": "unit_tests", "exposure": "exposures"}


@pytest.fixture
def manifest() -> Manifest:
    content: dict[str, dict[str, Any]] = {}
    for unique_id, given in SHOP.items():
        kind, *_, name = unique_id.split(".")
        node = {"name": name, "resource_type": kind, "source_name": "crm", "schema": "main"}
        node |= {key: value for key, value in given.items() if key != "parents"}
        node["depends_on"] = {"nodes": given.get("parents", [])}
        section = _SECTIONS.get(kind, "metrics" if kind == "metric" else "nodes")
        content.setdefault(section, {})[unique_id] = node
    return Manifest(content)


@pytest.fixture
def show(manifest: Manifest) -> Callable[..., Lineage]:
    def make(*, published: tuple[str, ...] = (), **statuses: Status) -> Lineage:
        named = {key.rpartition(".")[2]: key for key in SHOP}
        entries: dict[str, Status] = dict.fromkeys(BUILT, "pass")
        entries |= {named[name]: status for name, status in statuses.items()}
        results = BuildResults(
            nodes=tuple(
                NodeResult(key, key, key.split(".", maxsplit=1)[0], status)
                for key, status in entries.items()
            ),
            invocation_id="run",
            generated_at=datetime(2026, 11, 21, tzinfo=UTC),
            elapsed_seconds=1,
            dbt_version="1.11.0",
        )
        return lineage_of(manifest, results, published=published)

    return make


def _statuses(lineage: Lineage) -> dict[str, Status | None]:
    return {node.id: node.status for node in lineage.nodes}


def test_the_picture_holds_what_was_built_what_it_reads_and_who_reads_it(
    show: Callable[..., Lineage],
) -> None:
    assert set(_statuses(show())) == {
        "source.p.crm.clients",
        "seed.p.rates",
        "model.p.tidy",
        "model.p.stg",
        "model.p.mart",
        "exposure.p.board",
    }


def test_an_exposure_of_a_metric_reads_the_model_below_it(show: Callable[..., Lineage]) -> None:
    assert ("model.p.mart", "exposure.p.board") in show().edges


def test_ephemeral_models_and_unchecked_sources_have_no_status(
    show: Callable[..., Lineage],
) -> None:
    statuses = _statuses(show())
    assert statuses["model.p.tidy"] is None
    assert statuses["source.p.crm.clients"] is None


def test_the_worst_test_of_a_node_gives_its_status(show: Callable[..., Lineage]) -> None:
    statuses = _statuses(show(unique_stg="warn", rounds="fail"))
    assert statuses["model.p.stg"] == "warn"
    assert statuses["model.p.mart"] == "fail"


def test_a_test_over_several_nodes_counts_for_the_last_of_them(
    show: Callable[..., Lineage],
) -> None:
    statuses = _statuses(show(assert_sums_agree="fail"))
    assert statuses["model.p.mart"] == "fail"
    assert statuses["model.p.stg"] == "pass"


def test_a_source_has_the_status_of_its_freshness_and_its_tests(
    show: Callable[..., Lineage],
) -> None:
    assert _statuses(show(clients="error"))["source.p.crm.clients"] == "error"
    both = show(clients="pass", source_not_null="warn")
    assert _statuses(both)["source.p.crm.clients"] == "warn"


def test_an_exposure_that_dbt_only_lists_has_no_status(show: Callable[..., Lineage]) -> None:
    assert _statuses(show(board="pass"))["exposure.p.board"] is None
    assert _statuses(show(board="skipped"))["exposure.p.board"] == "skipped"


def test_a_published_model_leads_to_a_table_of_its_name(show: Callable[..., Lineage]) -> None:
    lineage = show(published=("model.p.mart",))
    table = next(node for node in lineage.nodes if node.kind == "published")
    assert (table.id, table.name) == ("published:consume.Mart", "consume.Mart")
    assert (table.status, table.group) == (None, "sales")
    assert ("model.p.mart", table.id) in lineage.edges


def test_a_published_source_is_shown_although_no_model_reads_it(
    show: Callable[..., Lineage],
) -> None:
    lineage = show(published=("source.p.crm.unread",))
    assert ("source.p.crm.unread", "published:main.unread") in lineage.edges


def test_names_and_groups_are_those_that_people_know(show: Callable[..., Lineage]) -> None:
    nodes = {node.id: node for node in show().nodes}
    assert nodes["source.p.crm.clients"].name == "crm.clients"
    assert nodes["exposure.p.board"].name == "Board, daily"
    assert nodes["model.p.stg"].group == nodes["model.p.mart"].group == "sales"


def test_order_of_results_does_not_change_the_picture(manifest: Manifest) -> None:
    def build(order: list[str]) -> Lineage:
        nodes = tuple(NodeResult(key, key, key.split(".", maxsplit=1)[0], "pass") for key in order)
        results = BuildResults(nodes, "run", datetime(2026, 11, 21, tzinfo=UTC), 1, "1.11.0")
        return lineage_of(manifest, results, published=frozenset(BUILT))

    assert build(BUILT) == build(BUILT[::-1])
