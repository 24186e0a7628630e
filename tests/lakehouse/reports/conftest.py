from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lakehouse.quality.build_results import BuildResults, NodeResult


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
        return BuildResults(
            nodes=nodes,
            invocation_id="run-1",
            generated_at=datetime(2026, 11, 21, 6, 3, tzinfo=UTC),
            elapsed_seconds=2.5,
            dbt_version="1.11.0",
        )

    return make
