"""The sheet of an owner: everything of his group, in his language."""

import hashlib

from lakehouse.quality.run_facts import UNOWNED, GroupFacts, RunFacts
from lakehouse.reports.artifacts.artifact_keys import slug
from lakehouse.reports.checks import OPEN, index_of
from lakehouse.reports.views.flow_rows import flow_grid
from lakehouse.reports.views.lineage_part import lineage_summary, part_of_group, published_tables
from lakehouse.reports.views.node_sections import (
    broken_section,
    models_section,
    passing_section,
    skipped_section,
    unchecked_section,
)
from lakehouse.reports.views.not_loaded import not_loaded_section
from lakehouse.reports.views.page_frame import frame_of, to_report
from lakehouse.reports.views.test_view import build_test_view
from lakehouse.reports.views.verdicts import owner_verdict
from lakehouse.reports.views.view_types import OwnerSheet
from lakehouse.reports.wording import Wording

_HASH_LENGTH = 8


def build_owner_sheet(facts: RunFacts, group: GroupFacts) -> OwnerSheet:
    """Make the sheet of a group's owner.

    Args:
        facts: the run.
        group: one of its groups.
    """
    words = owner_wording(facts, group)
    own = frozenset(group.nodes)
    checks = [check for check in index_of(facts).checks if check.unique_id in own]
    recovered = [check for check in checks if facts.state(check.unique_id).change == "FIXED"]
    lineage = part_of_group(facts.lineage, own)
    read = {node.id for node in lineage.nodes if node.kind == "source"}
    sources = [one for one in facts.sources if one.unique_id in own or one.unique_id in read]
    sections = (
        broken_section(facts, words, own),
        skipped_section(facts, words, own),
        unchecked_section(facts, words, own),
        models_section(facts, words, own),
        passing_section(facts, words, own),
    )
    return OwnerSheet(
        frame=frame_of(facts, words, owner_name(group, words), up=to_report(words)),
        verdict=owner_verdict(facts, own, words),
        look_at=tuple(
            build_test_view(facts, check, words) for check in checks if check.status in OPEN
        ),
        resolved=tuple(build_test_view(facts, check, words) for check in recovered),
        flow=flow_grid(facts, sources, published_tables(facts, own), words),
        lineage=lineage,
        lineage_summary=lineage_summary(lineage, words),
        more=tuple(section for section in sections if section is not None),
        not_loaded=not_loaded_section(sources, facts.started_at, words),
    )


def owner_href(facts: RunFacts, group: str) -> str:
    """Where the page of an owner lies, relative to the folder of the domain's pages."""
    return f"owners/{owner_slug(facts, group)}.html"


def owner_slug(facts: RunFacts, group: str) -> str:
    """Name of an owner's page, its own even where two groups of the run give one slug."""
    made = slug(group)
    if sum(slug(one.name) == made for one in facts.groups) < 2:
        return made
    return slug(f"{made}-{hashlib.sha256(group.encode()).hexdigest()[:_HASH_LENGTH]}")


def owner_name(group: GroupFacts, words: Wording) -> str:
    """The owner's name, in words where nobody owns it."""
    return words.say("domain.unowned") if group.name == UNOWNED else group.owner or group.name


def owner_wording(facts: RunFacts, group: GroupFacts) -> Wording:
    """The owner's language; that of the domain for what nobody owns."""
    return Wording.of(facts.language if group.name == UNOWNED else group.language)
