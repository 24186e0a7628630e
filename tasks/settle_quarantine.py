"""The verbs of quarantine as tasks, with their artifacts."""

from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from lakehouse.lake.kept_delivery import kept_folder, kept_original
from lakehouse.lake.quarantine import (
    RefusedDelivery,
    discard,
    find_refused,
    list_refused,
    replay,
)
from lakehouse.lake.raw_lake import RawLake
from lakehouse.quality.refused_rows import shown_rows
from lakehouse.reports.artifacts.artifact_keys import quarantine_key
from lakehouse.reports.artifacts.quarantine_report import delivery_markdown, quarantine_rows
from lakehouse.settings import Settings, load_settings
from lakehouse.source_catalog import Catalog, known_domains, load_catalog
from lakehouse.table_load import TableLoad
from tasks.policies import transient_retries

ROWS_SHOWN = 20


@task(name="list-quarantine", cache_policy=NO_CACHE, **transient_retries)
def list_quarantine(domain: str | None) -> list[dict[str, Any]]:
    """Post the table of what is in quarantine, of one domain or of all; returns its rows."""
    settings = load_settings()
    rows = quarantine_rows(list_refused(_catalogs(settings, domain), RawLake.of(settings)))
    create_table_artifact(
        key=quarantine_key(domain),
        table=rows,
        description=f"Quarantine of {domain or 'all domains'}: {len(rows)} deliveries",
    )
    return rows


@task(name="show-quarantine", cache_policy=NO_CACHE, **transient_retries)
def show_quarantine(domain: str | None, number: int) -> str:
    """Post a page about one delivery, without personal values; returns its state."""
    lake, refused = _found(domain, number)
    kept = kept_folder(lake, refused.table, refused.delivery)
    rows, total = shown_rows(kept, refused.table, ROWS_SHOWN)
    create_markdown_artifact(
        key=quarantine_key(domain, number),
        markdown=delivery_markdown(refused, kept_original(kept), rows, total),
        description=f"Delivery {number} of {refused.table.full_name}",
    )
    return refused.state


@task(name="replay-quarantine", cache_policy=NO_CACHE, **transient_retries)
def replay_quarantine(domain: str | None, number: int) -> dict[str, Any]:
    """Load a delivery again under the contract as it is now; returns a `TableLoad` as a dict."""
    lake, refused = _found(domain, number)
    delivery = replay(refused, lake, run_id=_run())
    load = TableLoad(refused.table.source, refused.table.name, 1).with_delivery(delivery)
    get_run_logger().info("%s", load.deliveries[0])
    return load.to_dict()


@task(name="discard-quarantine", cache_policy=NO_CACHE, **transient_retries)
def discard_quarantine(domain: str | None, number: int, reason: str) -> str:
    """Decide that a delivery will not be loaded; returns the decision in words."""
    lake, refused = _found(domain, number)
    return str(discard(refused, lake, reason, run_id=_run()))


def _found(domain: str | None, number: int) -> tuple[RawLake, RefusedDelivery]:
    settings = load_settings()
    lake = RawLake.of(settings)
    return lake, find_refused(_catalogs(settings, domain), lake, number)


def _catalogs(settings: Settings, domain: str | None) -> list[Catalog]:
    domains = [domain] if domain else known_domains(settings.project_dir)
    return [load_catalog(settings.project_dir, name) for name in domains]


def _run() -> str:
    return flow_run.get_id() or "quarantine"
