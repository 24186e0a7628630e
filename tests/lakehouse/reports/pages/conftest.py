from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.run_facts import GroupFacts, RunFacts


@pytest.fixture
def make_facts(
    make_test: Callable[..., NodeResult], make_build: Callable[..., BuildResults]
) -> Callable[..., RunFacts]:
    """A run of `sales` with these tests, all of which belong to the group `finance`."""

    def make(*tests: NodeResult, **overrides: Any) -> RunFacts:
        nodes = tests or (make_test(),)
        fields = {
            "domain": "sales",
            "started_at": datetime(2026, 11, 21, 6, 0, tzinfo=UTC),
            "results": make_build(*nodes),
            "groups": (GroupFacts("finance", "Ana", nodes=tuple(one.unique_id for one in nodes)),),
            **overrides,
        }
        return RunFacts(**fields)

    return make
