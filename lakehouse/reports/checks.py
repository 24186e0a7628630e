"""What counts as a check of a build: data tests, unit tests and the freshness of sources."""

import hashlib
import weakref
from collections import Counter
from datetime import datetime

from lakehouse.quality.build_results import BuildResults, NodeResult, Status, worst_first
from lakehouse.quality.run_facts import Change, ModelFacts, RunFacts, SourceFacts
from lakehouse.reports.artifacts.artifact_keys import slug
from lakehouse.reports.views.view_types import TestView, Tone

OPEN: tuple[Status, ...] = ("warn", "fail", "error")
TONES: dict[Status, Tone] = {
    "pass": "ok",
    "warn": "warn",
    "fail": "bad",
    "error": "bad",
    "skipped": "skip",
}
_HASH_LENGTH = 8


def checks_of(results: BuildResults) -> tuple[NodeResult, ...]:
    """Data tests, unit tests and source freshness, in the order of the build."""
    return results.checks


def is_freshness(node: NodeResult) -> bool:
    """Whether a node is the freshness of a source."""
    return node.resource_type == "source"


def check_label(node: NodeResult) -> str:
    """Name of a check that is its own in the project, such as `freshness of source.table`."""
    return node.label


def checked_name(node: NodeResult) -> str:
    """Name of what a check is about: a model, or `source.table`; its own where none is known."""
    if node.model:
        return node.model
    parts = node.unique_id.split(".")
    return ".".join(parts[2:]) if is_freshness(node) and len(parts) > 3 else node.name


def short_name(node: NodeResult) -> str:
    """A check's name among others: the test's, or `source.table` where it is about freshness."""
    return checked_name(node) if is_freshness(node) else node.name


class FactsIndex:
    """What views look up in a run's facts; `index_of` makes one for each.

    Attributes:
        checks: tests and freshness, the worst first; a passed budget counts as a failure.
        sources: what came, by unique id.
        views: what was made already, by unique id, language and moment.
        published: model of each published table, `schema.table`, where known.
    """

    def __init__(self, facts: RunFacts) -> None:
        self.checks = _worst_first(facts)
        self.views: dict[tuple[str, str, datetime], TestView] = {}
        self.sources: dict[str, SourceFacts] = {one.unique_id: one for one in facts.sources}
        self.published = _published(facts)
        slugs = {check.unique_id: slug(check_label(check)) for check in self.checks}
        uses = Counter(slugs.values())
        self._slugs = {
            unique_id: name if uses[name] == 1 else _told_apart(name, unique_id)
            for unique_id, name in slugs.items()
        }

    def slug(self, check: NodeResult) -> str:
        """Name of a check's page and artifact, its own even where two labels give one slug."""
        return self._slugs.get(check.unique_id) or slug(check_label(check))


def index_of(facts: RunFacts) -> FactsIndex:
    """The index of these facts; made once, and gone with them."""
    key = id(facts)
    if key not in _INDEXES:
        _INDEXES[key] = FactsIndex(facts)
        weakref.finalize(facts, _INDEXES.pop, key, None)
    return _INDEXES[key]


def changed_checks(facts: RunFacts, change: Change) -> list[NodeResult]:
    """Checks with this change, the worst first."""
    return [
        check for check in index_of(facts).checks if facts.state(check.unique_id).change == change
    ]


_INDEXES: dict[int, FactsIndex] = {}


def _worst_first(facts: RunFacts) -> tuple[NodeResult, ...]:
    ordered = worst_first(checks_of(facts.results))
    over = {node.unique_id for node in facts.breaches}
    blocks = [one for one in ordered if one.status in ("fail", "error") or one.unique_id in over]
    ahead = {one.unique_id for one in blocks}
    return (*blocks, *(one for one in ordered if one.unique_id not in ahead))


def _published(facts: RunFacts) -> dict[str, ModelFacts | None]:
    models = {one.unique_id: one for one in facts.models}
    tables = {node.id: node.name for node in facts.lineage.nodes if node.kind == "published"}
    # A table may be named by an alias, which only the lineage knows.
    found: dict[str, ModelFacts | None] = {
        tables[child]: models[parent]
        for parent, child in facts.lineage.edges
        if child in tables and parent in models
    }
    drawn = {model.unique_id for model in found.values() if model}
    for model in facts.models:
        if model.published and model.unique_id not in drawn:
            found[f"{model.schema}.{model.name}"] = model
    for table in facts.publish.tables:
        found.setdefault(table, None)
    return found


def _told_apart(name: str, unique_id: str) -> str:
    return slug(f"{name}-{hashlib.sha256(unique_id.encode()).hexdigest()[:_HASH_LENGTH]}")
