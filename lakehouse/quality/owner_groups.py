"""Who owns what of a project: dbt's groups with their nodes."""

from collections import defaultdict
from collections.abc import Sequence

from lakehouse.quality.build_results import BuildResults
from lakehouse.quality.dbt_manifest import Manifest, node_meta
from lakehouse.quality.run_facts import UNOWNED, GroupFacts, SourceFacts


def owner_groups(
    manifest: Manifest, results: BuildResults, sources: Sequence[SourceFacts] = ()
) -> tuple[GroupFacts, ...]:
    """The groups of the nodes of a build, of the sources that they read and of `sources`, by name.

    What has no group is gathered under `unowned`, last, if a check or a source with a fault is
    among it or if there is no group at all: a sheet about seeds that nobody tests tells nothing.

    Args:
        manifest: dbt's.
        results: of the build.
        sources: what came, also what no node of this build reads.
    """
    nodes = dict.fromkeys(node.unique_id for node in results.nodes)
    for unique_id in tuple(nodes):
        for parent in manifest.parents(unique_id):
            if manifest.node(parent).get("resource_type") == "source":
                nodes.setdefault(parent)
    nodes |= dict.fromkeys(source.unique_id for source in sources)
    owned: defaultdict[str, list[str]] = defaultdict(list)
    for unique_id in nodes:
        owned[str(manifest.group(unique_id).get("name") or "")].append(unique_id)
    unowned = owned.pop("", [])
    groups = [_group(manifest, name, ids) for name, ids in sorted(owned.items())]
    told = {check.unique_id for check in results.checks}
    told |= {source.unique_id for source in sources if source.faults}
    if unowned and (not groups or told.intersection(unowned)):
        groups.append(GroupFacts(UNOWNED, UNOWNED, nodes=tuple(unowned)))
    return tuple(groups)


def _group(manifest: Manifest, name: str, ids: list[str]) -> GroupFacts:
    group = manifest.group(ids[0])
    owner, meta = group.get("owner") or {}, node_meta(group)
    return GroupFacts(
        name=name,
        owner=str(owner.get("name") or owner.get("email") or name),
        description=str(group.get("description") or ""),
        email=_text(owner.get("email")),
        language=_text(meta.get("language")),
        nodes=tuple(ids),
        notify=_text(meta.get("notify")),
    )


def _text(value: object) -> str | None:
    return str(value) if value not in (None, "") else None
