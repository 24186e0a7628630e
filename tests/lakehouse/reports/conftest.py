from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.run_facts import GroupFacts, ModelFacts, RunFacts

NOW = datetime(2026, 11, 21, 6, 3, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """Start of the run."""
    return NOW


@pytest.fixture
def make_test() -> Callable[..., NodeResult]:
    """A `unique` test that warns."""

    def make(**overrides: Any) -> NodeResult:
        fields = {
            "unique_id": f"test.p.{overrides.get('name', 'unique_stg_id')}",
            "name": "unique_stg_id",
            "resource_type": "test",
            "status": "warn",
            "severity": "warn",
            "failures": 1,
            "failure_unit": "value",
            "model": "stg",
            "column": "id",
            "test_kind": "unique",
            "relation_name": '"w"."dq_audit"."unique_stg_id"',
            "compiled_code": "\n\nselect id from stg",
            **overrides,
        }
        return NodeResult(**fields)

    return make


@pytest.fixture
def make_freshness() -> Callable[..., NodeResult]:
    """The freshness of a source that is late."""

    def make(**overrides: Any) -> NodeResult:
        fields = {
            "unique_id": "source.p.pharma.ventas_bra",
            "name": "freshness of pharma.ventas_bra",
            "resource_type": "source",
            "status": "warn",
            "severity": "error",
            "model": "pharma.ventas_bra",
            "test_kind": "freshness",
            **overrides,
        }
        return NodeResult(**fields)

    return make


@pytest.fixture
def make_model() -> Callable[..., NodeResult]:
    """A model that was built."""

    def make(**overrides: Any) -> NodeResult:
        name = overrides.get("name", "stg")
        fields = {
            "unique_id": f"model.p.{name}",
            "name": name,
            "resource_type": "model",
            "status": "pass",
            "rows": 1200,
            "seconds": 0.25,
            **overrides,
        }
        return NodeResult(**fields)

    return make


@pytest.fixture
def make_build() -> Callable[..., BuildResults]:
    """The results of a build of these nodes."""

    def make(*nodes: NodeResult) -> BuildResults:
        return BuildResults(nodes, "run-1", NOW, 2.5, "1.11.0")

    return make


@pytest.fixture
def make_facts(make_build: Callable[..., BuildResults]) -> Callable[..., RunFacts]:
    """A run of these nodes; all of them belong to the group `ventas`, of a Spanish speaker."""

    def make(*nodes: NodeResult, **overrides: Any) -> RunFacts:
        results = make_build(*nodes)
        owner = GroupFacts(
            "ventas",
            "Ventas LATAM",
            language="es",
            nodes=tuple(node.unique_id for node in nodes),
        )
        fields: dict[str, Any] = {
            "models": tuple(_model_facts(node) for node in results.models),
            "groups": (owner,),
            **overrides,
        }
        return RunFacts("pharma_latam", NOW, results, **fields)

    return make


def _model_facts(node: NodeResult) -> ModelFacts:
    return ModelFacts(
        node.unique_id,
        node.name,
        node.resource_type,
        "consume",
        node.status,
        node.seconds,
        node.rows,
        group="ventas",
        published=node.name.startswith("fct"),
    )
