"""What came from the sources of a domain, and how fresh it is, told by the ledger.

dbt's `freshness` of a source is judged by its newest delivery, not by a column, so that a file
delivered again with the same rows counts as having come; it is judged on every run, also on one
in which nothing was built.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from lakehouse.lake.error_ledger import ErrorLedger, ErrorRecord
from lakehouse.lake.ledger import Delivery, Ledger
from lakehouse.quality.build_results import NodeResult, Status
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.quality.freshness_check import freshness_result
from lakehouse.quality.run_facts import Arrival, SourceFacts
from lakehouse.quality.source_faults import RefusedFile, RefusedRow, source_faults
from lakehouse.source_catalog import Catalog
from lakehouse.table_contract import Table

_HOURS = {"minute": 1 / 60, "hour": 1.0, "day": 24.0}
_MOST_FILES = 5
_MOST_ROWS = 20


def source_arrivals(
    catalog: Catalog, ledger: Ledger, manifest: Manifest, *, now: datetime, since: datetime | None
) -> list[SourceFacts]:
    """What is known of every table of the domain's sources.

    Args:
        catalog: the sources.
        ledger: their deliveries; in the same database lie their errors.
        manifest: dbt's own view of them, with their `freshness`.
        now: moment to judge freshness at.
        since: what was delivered after it counts as of this run; None takes everything.
    """
    nodes = {
        (node.get("source_name"), node.get("name")): (unique_id, node)
        for unique_id, node in (manifest.content.get("sources") or {}).items()
    }
    facts = []
    for table in catalog.tables:
        unique_id, node = nodes.get((table.source, table.name), ("", {}))
        if unique_id:
            facts.append(_arrival(table, unique_id, node, ledger, manifest, now, since))
    return with_faults(facts, ErrorLedger(ledger.engine).open_errors(catalog.domain))


def with_faults(sources: Sequence[SourceFacts], errors: Sequence[ErrorRecord]) -> list[SourceFacts]:
    """The sources with the faults that they have now.

    Args:
        sources: tables of a domain.
        errors: its open ones.
    """
    return [replace(source, faults=source_faults(source.name, errors)) for source in sources]


def freshness_checks(sources: list[SourceFacts], manifest: Manifest) -> list[NodeResult]:
    """The freshness of every source that declares one, as results beside those of the tests."""
    return [
        freshness_result(
            manifest,
            source.unique_id,
            status=source.status,
            age_hours=source.age_hours,
            warn_after_hours=source.warn_after_hours,
            error_after_hours=source.error_after_hours,
        )
        for source in sources
        if source.status is not None
    ]


def _arrival(
    table: Table,
    unique_id: str,
    node: Mapping[str, Any],
    ledger: Ledger,
    manifest: Manifest,
    now: datetime,
    since: datetime | None,
) -> SourceFacts:
    came = ledger.deliveries_since(table, since)
    newest = ledger.newest_load(table)
    age = (now - newest.started_at).total_seconds() / 3600 if newest else None
    warn_after, error_after = (_limit(node, name) for name in ("warn_after", "error_after"))
    status = _status(age, warn_after, error_after)
    quarantined = ledger.open_quarantine(table)
    loaded = [one for one in came if one.status == "loaded"]
    named = loaded or ([newest] if newest else [])
    return SourceFacts(
        unique_id=unique_id,
        name=table.full_name,
        arrival=_kind(came, newest, status, refused=bool(quarantined)),
        status=status,
        arrived_at=newest.started_at if newest else None,
        age_hours=age,
        warn_after_hours=warn_after,
        error_after_hours=error_after,
        rows=ledger.rows_in(table) if newest else None,
        delivered=sum(one.rows_delivered for one in came),
        loaded=sum(one.rows_loaded for one in loaded),
        rejected=sum(one.rows_rejected for one in came),
        known=sum(one.rows_delivered for one in came if one.status == "known"),
        files=tuple(dict.fromkeys(one.file_name for one in reversed(named)))[:_MOST_FILES],
        refused_files=_in_quarantine(quarantined),
        refused_rows=_refused_rows(ledger, came),
        group=manifest.group(unique_id).get("name"),
    )


def _in_quarantine(quarantined: list[Delivery]) -> tuple[RefusedFile, ...]:
    newest = sorted(quarantined, key=lambda one: one.started_at, reverse=True)
    return tuple(
        RefusedFile(one.file_name, one.reason or "", one.started_at) for one in newest[:_MOST_FILES]
    )


def _refused_rows(ledger: Ledger, came: list[Delivery]) -> tuple[RefusedRow, ...]:
    ids = [
        one.delivery_id
        for one in came
        if one.delivery_id is not None and one.status != "quarantined"
    ]
    return tuple(RefusedRow(*row) for row in ledger.refused_rows(ids, _MOST_ROWS)) if ids else ()


def _kind(
    came: list[Delivery], newest: Delivery | None, status: Status | None, *, refused: bool
) -> Arrival:
    if refused:
        return "quarantined"
    if newest is None:
        return "never"
    if status in ("warn", "fail"):
        return "late"
    return "loaded" if any(one.status == "loaded" for one in came) else "unchanged"


def _status(
    age: float | None, warn_after: float | None, error_after: float | None
) -> Status | None:
    """Status of a freshness; what never came is older than any limit."""
    if warn_after is None and error_after is None:
        return None
    if error_after is not None and (age is None or age > error_after):
        return "fail"
    if warn_after is not None and (age is None or age > warn_after):
        return "warn"
    return "pass"


def _limit(node: Mapping[str, Any], name: str) -> float | None:
    config = node.get("config")
    declared = node.get("freshness") or (config or {}).get("freshness") or {}
    limit = declared.get(name) or {}
    count, period = limit.get("count"), str(limit.get("period") or "")
    return float(count) * _HOURS[period] if count is not None and period in _HOURS else None
