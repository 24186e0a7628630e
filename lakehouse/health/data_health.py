"""Whether data comes as it should: expected files, freshness of sources, builds, quarantine."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from lakehouse.errors import DbtCouldNotRun
from lakehouse.health.health_check import HealthCheck, Verdict
from lakehouse.lake.ledger import Ledger
from lakehouse.publish.publication_hold import hold_of
from lakehouse.publish.publication_log import PublicationLog
from lakehouse.quality.arrival_board import read_board
from lakehouse.quality.dbt_manifest import read_manifest
from lakehouse.quality.freshness_check import freshness_result
from lakehouse.quality.source_arrivals import source_arrivals
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog
from lakehouse.transform.build_history import BuildHistory


def check_expected(
    catalogs: Iterable[Catalog], ledger: Ledger, now: datetime
) -> Iterator[HealthCheck]:
    """Judge the newest period that was due of every table that expects files."""
    newest: set[str] = set()
    for row in read_board(catalogs, ledger, now):
        if row.table in newest or row.verdict in ("not_due", "holiday"):
            continue
        newest.add(row.table)
        is_missing = row.verdict == "missing"
        said = f"{row.period.period.name}: {row.verdict.replace('_', ' ')}"
        if is_missing:
            said += f", was due {row.period.period.due:%Y-%m-%d %H:%M %Z}"
        yield HealthCheck("expected files", row.table, "look" if is_missing else "ok", said)


def check_freshness(
    settings: Settings, catalogs: Iterable[Catalog], ledger: Ledger, now: datetime
) -> Iterator[HealthCheck]:
    """Judge dbt's `freshness` of every source by its newest delivery, also between runs."""
    for catalog in catalogs:
        try:
            manifest = read_manifest(settings.dbt_target(catalog.domain))
        except DbtCouldNotRun:
            # Before its first build nothing is promised to its readers.
            continue
        for source in source_arrivals(catalog, ledger, manifest, now=now, since=now):
            if source.status is None:
                continue
            said = freshness_result(
                manifest,
                source.unique_id,
                status=source.status,
                age_hours=source.age_hours,
                warn_after_hours=source.warn_after_hours,
                error_after_hours=source.error_after_hours,
            ).message
            verdict: Verdict = "ok" if source.status == "pass" else "look"
            yield HealthCheck("freshness", source.name, verdict, str(said))


def check_builds(ledger: Ledger, domains: Iterable[str]) -> Iterator[HealthCheck]:
    """Judge the newest build of each domain that was ever built."""
    history, log = BuildHistory(ledger.engine), PublicationLog(ledger.engine)
    for domain in domains:
        build = history.last(domain)
        if build is None:
            continue
        published = log.last(domain)
        shown = (
            f"readers have {published.published_at:%Y-%m-%d %H:%M} UTC"
            if published
            else ("nothing was ever published")
        )
        said = f"last build {build.status}, {build.started_at:%Y-%m-%d %H:%M} UTC; {shown}"
        is_going_on = build.status == "running" and build.ended_at is None
        fine = build.is_good or is_going_on
        yield HealthCheck("build", domain, "ok" if fine else "broken", said)


def check_holds(ledger: Ledger, domains: Iterable[str]) -> Iterator[HealthCheck]:
    """Remember domains that were rolled back and not released."""
    for domain in domains:
        held = hold_of(ledger.engine, domain)
        if held:
            yield HealthCheck("publication", domain, "look", str(held))


def check_quarantine(catalogs: Iterable[Catalog], ledger: Ledger) -> Iterator[HealthCheck]:
    """Count what was refused and nobody decided about."""
    for catalog in catalogs:
        refused = sum(len(ledger.open_quarantine(table)) for table in catalog.tables)
        verdict: Verdict = "look" if refused else "ok"
        yield HealthCheck("quarantine", catalog.domain, verdict, f"{refused} files wait")
