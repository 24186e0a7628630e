"""What a look at the health tells: a table, a message to operators, and events of changes."""

from collections.abc import Sequence
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from lakehouse.health.health_check import WORST_FIRST, HealthCheck
from lakehouse.health.health_notes import HealthChange, HealthNotes
from lakehouse.reports.run_events import RunEvent

DEGRADED, RECOVERED = "lakehouse.health.degraded", "lakehouse.health.recovered"
_MOST_NAMED = 20


def health_table(checks: Sequence[HealthCheck], notes: HealthNotes) -> list[dict[str, str]]:
    """Rows for an artifact, trouble first."""
    return [
        {
            "verdict": check.verdict,
            "what": check.key,
            "found": check.text,
            "since": f"{notes.troubles[check.key].since:%Y-%m-%d %H:%M} UTC"
            if check.in_trouble
            else "",
        }
        for check in sorted(checks, key=lambda one: (WORST_FIRST[one.verdict], one.key))
    ]


def health_message(
    change: HealthChange, checks: Sequence[HealthCheck], notes: HealthNotes
) -> tuple[str, str]:
    """Subject and body for operators, in English: what is new first, then what still is."""
    parts = []
    if change.new:
        parts.append(f"{len(change.new)} new in trouble")
    if change.over:
        parts.append(f"{len(change.over)} in order again")
    told = {check.key for check in change.new}
    still = [check for check in checks if check.in_trouble and check.key not in told]
    lines = _section("New", [f"{check.key}: {check.text}" for check in change.new])
    lines += _section("In order again", list(change.over))
    lines += _section(
        "Still",
        [
            f"{check.key}: {check.text} (since {notes.troubles[check.key].since:%Y-%m-%d %H:%M})"
            for check in still
        ],
    )
    return f"Aljibe: {', '.join(parts)}", "\n".join(lines).strip()


def health_events(
    change: HealthChange, notes: HealthNotes, before: HealthNotes, now: datetime
) -> list[RunEvent]:
    """One event for each check that came into trouble or out of it; the same has the same id."""
    events = [
        _event(DEGRADED, check.key, notes.troubles[check.key].since, check) for check in change.new
    ]
    return events + [
        _event(RECOVERED, key, before.troubles[key].since if key in before.troubles else now)
        for key in change.over
    ]


def _event(name: str, key: str, since: datetime, check: HealthCheck | None = None) -> RunEvent:
    kind, _, subject = key.partition(": ")
    verdict = check.verdict if check else "ok"
    about = "\n".join((name, key, since.isoformat(), verdict))
    return RunEvent(
        name=name,
        id=str(uuid5(NAMESPACE_URL, f"lakehouse:{about}")),
        resource={
            "prefect.resource.id": f"lakehouse.health.{key.replace(': ', '.').replace(' ', '-')}",
            "prefect.resource.name": key,
        },
        payload={
            "kind": kind,
            "subject": subject,
            "verdict": verdict,
            "found": check.text if check else None,
            "since": since.isoformat(),
        },
    )


def _section(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    more = len(lines) - _MOST_NAMED
    shown = [f"- {line}" for line in lines[:_MOST_NAMED]]
    return [f"{title}:", *shown, *([f"- and {more} more"] if more > 0 else []), ""]
