"""Look at everything that has to go on by itself; show it, and tell operators what changed."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from blocks.notification import deliver
from blocks.notification_lookup import OPERATORS, find_notification_block
from lakehouse.errors import AljibeError, VariableMissing
from lakehouse.health.data_health import (
    check_builds,
    check_expected,
    check_freshness,
    check_holds,
    check_quarantine,
)
from lakehouse.health.disk_space import check_disks, disk_samples
from lakehouse.health.health_check import HealthCheck
from lakehouse.health.health_look import HealthLook
from lakehouse.health.health_notes import HealthNotes, changes, read_notes, write_notes
from lakehouse.health.machine_health import (
    check_audit,
    check_backup,
    check_locks,
    check_watchers,
)
from lakehouse.lake.raw_lake import RawLake
from lakehouse.reports.health_report import health_events, health_message, health_table
from lakehouse.reports.pages.write_health import write_health
from lakehouse.settings import Settings, load_settings
from lakehouse.source_catalog import Catalog, known_domains, load_catalog
from lakehouse.watch.watcher_log import last_looks
from tasks.emit_events import emit_events
from tasks.look_at_runs import look_at_runs
from tasks.store_pages import store_pages

HEALTH_KEY = "health"


@task(name="look-at-health", cache_policy=NO_CACHE)
def look_at_health() -> dict[str, Any]:
    """Make every check, post the table, tell operators of changes, and emit them as events.

    The pages of the reports say it too.

    Returns:
        `summary`, `troubles` with a line for each, `told` of how many changes operators heard, and
        `warnings` about the telling itself.
    """
    settings, now = load_settings(), _now()
    before = read_notes(settings.root)
    samples = disk_samples(settings, now)
    checks = [
        *check_disks(samples, before.samples, settings.health_disk_days),
        *all_checks(settings, now),
    ]
    notes = before.after(checks, samples, now)
    change = changes(notes, checks)
    create_table_artifact(
        key=HEALTH_KEY, table=health_table(checks, notes), description=_summary(checks)
    )
    warnings: list[str] = []
    if change:
        emit_events(health_events(change, notes, before, now))
        warnings = _tell(settings, *health_message(change, checks, notes))
        if not warnings:
            notes = notes.told_of(checks)
    warnings += _keep(settings, notes)
    warnings += _show(settings, HealthLook.of(checks, notes, now))
    return {
        "summary": _summary(checks),
        "troubles": [f"{check.key}: {check.text}" for check in checks if check.in_trouble],
        "told": len(change.new) + len(change.over),
        "warnings": warnings,
    }


def all_checks(settings: Settings, now: datetime) -> list[HealthCheck]:
    """Every check but that of the disks; one that cannot be made is in trouble itself."""
    domains = known_domains(settings.project_dir)
    audit = check_audit(settings)
    checks = [
        audit,
        *_made("lock", lambda: check_locks(settings, domains, now)),
        *_made("backup", lambda: check_backup(settings, now)),
        *look_at_runs(now, settings.health_run_seconds),
    ]
    if audit.in_trouble:
        return checks
    ledger = RawLake.of(settings).ledger
    catalogs: list[Catalog] = []
    for domain in domains:
        checks += _made("declarations", lambda name=domain: _load(settings, name, catalogs))  # type: ignore[misc]
    looks: dict[str, Callable[[], Iterable[HealthCheck]]] = {
        "watcher": lambda: check_watchers(last_looks(ledger.engine), now),
        "expected files": lambda: check_expected(catalogs, ledger, now),
        "freshness": lambda: check_freshness(settings, catalogs, ledger, now),
        "build": lambda: check_builds(ledger, domains),
        "publication": lambda: check_holds(ledger, domains),
        "quarantine": lambda: check_quarantine(catalogs, ledger),
    }
    for kind, look in looks.items():
        checks += _made(kind, look)
    return checks


def _load(settings: Settings, domain: str, into: list[Catalog]) -> list[HealthCheck]:
    into.append(load_catalog(settings.project_dir, domain))
    return []


def _made(kind: str, look: Callable[[], Iterable[HealthCheck]]) -> list[HealthCheck]:
    try:
        return list(look())
    except (AljibeError, OSError) as error:
        return [HealthCheck(kind, "look", "broken", str(error))]


def _tell(settings: Settings, subject: str, body: str) -> list[str]:
    try:
        block = find_notification_block(OPERATORS, settings)
        if block is not None:
            deliver(block, subject, body)
    except VariableMissing:
        get_run_logger().info("%s; no block %s is set, nobody was told.", subject, OPERATORS)
    except AljibeError as error:
        return [f"operators could not be told: {error}"]
    return []


def _keep(settings: Settings, notes: HealthNotes) -> list[str]:
    try:
        write_notes(settings.root, notes)
    except OSError as error:
        return [f"this look could not be noted, and is told again: {error}"]
    return []


def _show(settings: Settings, look: HealthLook) -> list[str]:
    try:
        write_health(look, settings.reports, settings.reports_language)
    except OSError as error:
        return [f"the pages of the reports do not show this look: {error}"]
    return store_pages(None, settings)


def _summary(checks: list[HealthCheck]) -> str:
    troubles = sum(check.in_trouble for check in checks)
    return (
        f"{len(checks)} checks, {troubles} in trouble"
        if troubles
        else f"{len(checks)} checks, all in order"
    )


def _now() -> datetime:
    return datetime.now(UTC)
