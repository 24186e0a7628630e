"""Why dbt skipped a node: the tests and models upstream of it that failed.

dbt says only that it skipped. In a build a model waits for every test whose parents all lie
upstream of it and for its own unit tests; a test waits for its parents only.
"""

from collections import defaultdict
from collections.abc import Mapping

from lakehouse.quality.build_results import Status
from lakehouse.quality.dbt_manifest import Manifest

_BLOCKS = ("fail", "error")


class SkipCauses:
    """Finds the causes of skipped nodes of one build."""

    def __init__(self, manifest: Manifest, statuses: Mapping[str, Status]) -> None:
        self._manifest = manifest
        self._statuses = statuses
        self._data_tests: list[tuple[str, frozenset[str]]] = []
        self._unit_tests: defaultdict[str, list[str]] = defaultdict(list)
        for unique_id, status in statuses.items():
            if status not in _BLOCKS:
                continue
            kind = manifest.node(unique_id).get("resource_type")
            parents = manifest.parents(unique_id)
            if kind == "test" and parents:
                self._data_tests.append((unique_id, frozenset(parents)))
            elif kind == "unit_test":
                for parent in parents:
                    self._unit_tests[parent].append(unique_id)

    def names(self, unique_id: str) -> tuple[str, ...]:
        """Names of what blocked a skipped node, sorted; empty if nothing upstream failed."""
        causes: set[str] = set()
        seen = {unique_id}
        ahead = [unique_id]
        while ahead:
            at = ahead.pop()
            if self._statuses.get(at) in _BLOCKS:
                causes.add(at)
                continue
            causes |= self._tests_before(at)
            # A parent that passed blocks nothing; one that did not run may stand before the cause.
            for parent in self._manifest.parents(at):
                if parent not in seen and self._statuses.get(parent) not in ("pass", "warn"):
                    seen.add(parent)
                    ahead.append(parent)
        return tuple(sorted(self._manifest.name_of(cause) for cause in causes))

    def _tests_before(self, unique_id: str) -> set[str]:
        if self._manifest.node(unique_id).get("resource_type") in ("test", "unit_test"):
            return set()
        upstream = self._manifest.ancestors(unique_id)
        found = {test for test, parents in self._data_tests if parents <= upstream}
        return found | set(self._unit_tests.get(unique_id, ()))
