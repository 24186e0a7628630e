from collections.abc import Callable
from typing import Any

import pytest

from lakehouse.quality.run_facts import Lineage, LineageNode


@pytest.fixture
def make_lineage() -> Callable[..., Lineage]:
    """A lineage from `a>b` edges; nodes pass and are models unless fields of theirs are given."""

    def make(*edges: str, **fields: dict[str, Any]) -> Lineage:
        pairs = tuple((parent, child) for parent, child in (edge.split(">") for edge in edges))
        ids = dict.fromkeys([*(end for pair in pairs for end in pair), *fields])
        nodes = tuple(
            LineageNode(**{"id": key, "name": key, "kind": "model", "status": "pass"}
                        | fields.get(key, {}))
            for key in ids
        )  # fmt: skip
        return Lineage(nodes, pairs)

    return make
