"""Which part of the lineage, and what readers get of it, belongs to a group."""

from collections.abc import Collection

from lakehouse.quality.run_facts import Lineage, ModelFacts, RunFacts
from lakehouse.reports.checks import OPEN, index_of
from lakehouse.reports.wording import Wording

_SENT_ON = ("published", "exposure")


def part_of_group(lineage: Lineage, nodes: Collection[str]) -> Lineage:
    """A group's nodes, what they read directly, and what readers get of them."""
    own = {node.id for node in lineage.nodes} & set(nodes)
    sent_on = {node.id for node in lineage.nodes if node.kind in _SENT_ON}
    kept = set(own)
    for parent, child in lineage.edges:
        if child in own:
            kept.add(parent)
        elif parent in own and child in sent_on:
            kept.add(child)
    return Lineage(
        tuple(node for node in lineage.nodes if node.id in kept),
        tuple(edge for edge in lineage.edges if edge[0] in kept and edge[1] in kept),
    )


def published_tables(
    facts: RunFacts, nodes: frozenset[str] | None = None
) -> list[tuple[str, ModelFacts | None]]:
    """Published tables as `schema.table` with their models; only of `nodes`, if given."""
    found = list(index_of(facts).published.items())
    if nodes is None:
        return found
    return [(table, model) for table, model in found if model and model.unique_id in nodes]


def lineage_summary(lineage: Lineage, words: Wording) -> str:
    """How many sources and models lead to how many published tables, and which are not right."""
    if not lineage.nodes:
        return words.say("lineage.empty")
    counts = {
        "sources": words.say("lineage.sources", count=_count(lineage, "source", "seed")),
        "models": words.say("lineage.models", count=_count(lineage, "model", "snapshot")),
        "tables": words.say("lineage.tables", count=_count(lineage, "published")),
    }
    bad = [node.name for node in lineage.nodes if node.status in OPEN]
    if not bad:
        return words.say("lineage.summary", **counts)
    names = words.names(list(dict.fromkeys(bad)))
    return words.say("lineage.summary_bad", **counts, names=names)


def _count(lineage: Lineage, *kinds: str) -> int:
    return sum(node.kind in kinds for node in lineage.nodes)
