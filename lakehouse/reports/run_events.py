"""What a run tells to automations: one event per test that does not pass, per build, per publish.

Events carry names, counts, days and links; nothing that was read from a row, and no message that
could quote one.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from lakehouse.quality.build_results import NodeResult, worst_first
from lakehouse.quality.run_facts import (
    Change,
    GroupFacts,
    PublishFacts,
    RunFacts,
    RunLink,
)
from lakehouse.reports.artifacts.artifact_keys import folder_name
from lakehouse.reports.checks import changed_checks, check_label, index_of

TEST_WARNED = "lakehouse.test.warned"
TEST_FAILED = "lakehouse.test.failed"
TEST_FIXED = "lakehouse.test.fixed"
PUBLISH_COMPLETED = "lakehouse.publish.completed"
PUBLISH_BLOCKED = "lakehouse.publish.blocked"
_MOST_NAMES = 20
_MOST_OWNERS = 50
_SECONDS_A_MINUTE = 60


@dataclass(frozen=True)
class RunEvent:
    """An event as Prefect takes it.

    Attributes:
        id: a UUID; the same happening has the same, so that it is heard once.
        resource: labels of what it is about; `prefect.resource.id` is one of them.
        related: labels of the owner's group and of the flow run, each with its role.
        payload: JSON types only.
    """

    name: str
    id: str
    resource: Mapping[str, str]
    related: tuple[Mapping[str, str], ...] = ()
    payload: Mapping[str, Any] = field(default_factory=dict)


def run_events(facts: RunFacts, build_id: str, pages_url: str | None = None) -> list[RunEvent]:
    """Events of a build and of its tests; of a build that was skipped only its own.

    Args:
        facts: the run.
        build_id: of the build whose results these are.
        pages_url: where the folder of all pages is served.
    """
    pages = f"{pages_url.rstrip('/')}/{folder_name(facts.domain)}" if pages_url else None
    build = _build_event(facts, build_id, pages)
    if facts.skipped_build_of:
        return [build]
    tests = [
        _test_event(facts, test, name, build_id, pages)
        for test in index_of(facts).checks
        if (name := _event_of(facts, test))
    ]
    return [*tests, build]


def publish_event(
    domain: str,
    publish: PublishFacts,
    build_id: str,
    run: RunLink | None = None,
    blocked_by: Sequence[str] = (),
) -> RunEvent | None:
    """Event of a publication that replaced something or was refused; None for any other.

    Args:
        domain: what was published.
        publish: what became of it; its message, which may quote a value, stays out.
        build_id: of the build on show or refused.
        run: the flow run, if it is known.
        blocked_by: labels of the tests because of which it was refused.
    """
    names = {"published": PUBLISH_COMPLETED, "refused": PUBLISH_BLOCKED}
    if publish.outcome not in names:
        return None
    name, link = names[publish.outcome], run or RunLink()
    return RunEvent(
        name=name,
        id=_id(build_id, domain, name, link.id),
        resource=_resource(f"lakehouse.publish.{domain}", domain, domain),
        related=_run_resource(link),
        payload={
            "domain": domain,
            "build_id": build_id,
            "outcome": publish.outcome,
            "tables": len(publish.tables),
            "rows": sum(publish.tables.values()),
            "rows_before": sum(publish.before.values()) if publish.before else None,
            "blocked_by": list(blocked_by[:_MOST_NAMES]),
            "run": link.url,
            "run_id": link.id,
        },
    )


def slower_than_expected(seconds: float, expected: float | None) -> str | None:
    """A warning in words if a run took longer than expected; None if not, or nothing is."""
    if expected is None or seconds <= expected:
        return None
    return f"the run took {_duration(seconds)}, expected are at most {_duration(expected)}"


def _event_of(facts: RunFacts, test: NodeResult) -> str | None:
    if test.status == "warn":
        return TEST_WARNED
    if test.status in ("fail", "error"):
        return TEST_FAILED
    return TEST_FIXED if facts.state(test.unique_id).change == "FIXED" else None


def _test_event(
    facts: RunFacts, test: NodeResult, name: str, build_id: str, pages: str | None
) -> RunEvent:
    state, group = facts.state(test.unique_id), _group_of(facts, test.unique_id)
    label, page = check_label(test), index_of(facts).slug(test)
    since = state.since
    if name == TEST_FIXED and state.incidents:
        since = state.incidents[0].opened_at
    is_open = name != TEST_FIXED
    failing = facts.row_totals.get(test.unique_id, test.failures) if is_open else 0
    return RunEvent(
        name=name,
        id=_id(build_id, test.unique_id, name),
        resource=_resource(f"lakehouse.test.{facts.domain}.{page}", label, facts.domain),
        related=(
            *([_owner_resource(facts.domain, group)] if group else []),
            *_run_resource(facts.run),
        ),
        payload={
            "domain": facts.domain,
            "build_id": build_id,
            "test": label,
            "unique_id": test.unique_id,
            "kind": test.test_kind or test.resource_type,
            "model": test.model,
            "column": test.column,
            "severity": test.severity,
            "status": test.status,
            "change": state.change,
            "failing": failing,
            "open_since": since.isoformat() if since else None,
            "days_open": max(0, (facts.started_at - since).days) if since else None,
            "over_budget": state.breach is not None,
            "owner": group.owner if group else test.owner,
            "group": group.name if group else None,
            "page": f"{pages}/tests/{page}.html" if pages else None,
            "run": facts.run.url,
            "run_id": facts.run.id,
        },
    )


def _build_event(facts: RunFacts, build_id: str, pages: str | None) -> RunEvent:
    results, skipped = facts.results, facts.skipped_build_of
    name = f"lakehouse.build.{results.verdict}"
    # A run that found nothing new repeats the verdict of an earlier build, and is heard again.
    told_by = (facts.run.id or facts.started_at.isoformat()) if skipped else None
    not_passing = [*results.blocking, *results.warnings]
    groups = [group for node in not_passing if (group := _group_of(facts, node.unique_id))]
    owners = list({group.name: group for group in groups}.values())
    changes = {
        change.lower().replace(" ", "_"): len(changed_checks(facts, change))
        for change in get_args(Change)
    }
    return RunEvent(
        name=name,
        id=_id(build_id, facts.domain, name, told_by),
        resource=_resource(f"lakehouse.build.{facts.domain}", facts.domain, facts.domain),
        related=(
            *(_owner_resource(facts.domain, group) for group in owners[:_MOST_OWNERS]),
            *_run_resource(facts.run),
        ),
        payload={
            "domain": facts.domain,
            "build_id": build_id,
            "verdict": results.verdict,
            "skipped_build_of": skipped.isoformat() if skipped else None,
            "counts": dict(results.counts),
            "changes": changes,
            "over_budget": len(facts.breaches),
            "not_passing": [check_label(node) for node in worst_first(not_passing)][:_MOST_NAMES],
            "seconds": round(results.elapsed_seconds, 1),
            "page": f"{pages}/index.html" if pages else None,
            "run": facts.run.url,
            "run_id": facts.run.id,
        },
    )


def _group_of(facts: RunFacts, unique_id: str) -> GroupFacts | None:
    return next((group for group in facts.groups if unique_id in group.nodes), None)


def _resource(resource_id: str, name: str, domain: str) -> dict[str, str]:
    return {
        "prefect.resource.id": resource_id,
        "prefect.resource.name": name,
        "lakehouse.domain": domain,
    }


def _owner_resource(domain: str, group: GroupFacts) -> dict[str, str]:
    return {
        "prefect.resource.id": f"lakehouse.owner.{domain}.{group.name}",
        "prefect.resource.role": "owner",
        "prefect.resource.name": group.owner,
    }


def _run_resource(run: RunLink) -> tuple[dict[str, str], ...]:
    if not run.id:
        return ()
    labels = {"prefect.resource.id": f"prefect.flow-run.{run.id}"}
    labels["prefect.resource.role"] = "flow-run"
    if run.name:
        labels["prefect.resource.name"] = run.name
    return (labels,)


def _id(build_id: str, about: str, name: str, run_id: str | None = None) -> str:
    told = "\n".join(part for part in (build_id, about, name, run_id) if part)
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"lakehouse:{told}"))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), _SECONDS_A_MINUTE)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"
