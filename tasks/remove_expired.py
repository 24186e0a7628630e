"""Remove what expired, and say what went."""

from collections import Counter
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from lakehouse.errors import CatalogInvalid
from lakehouse.lake.raw_lake import RawLake
from lakehouse.retention.remove_expired import remove_expired
from lakehouse.settings import load_settings
from lakehouse.source_catalog import known_domains, load_catalog
from tasks.policies import transient_retries

_MOST_ROWS = 200


@task(name="remove-expired", cache_policy=NO_CACHE, **transient_retries)
def remove_what_expired() -> dict[str, Any]:
    """Remove what is older than `ALJIBE_RETENTION_DAYS`; RAW and the ledger are never touched.

    Returns:
        `summary`, and `warnings` of domains whose quarantine could not be judged.
    """
    settings = load_settings()
    domains = known_domains(settings.project_dir)
    catalogs, warnings = [], []
    for domain in domains:
        try:
            catalogs.append(load_catalog(settings.project_dir, domain))
        except CatalogInvalid as error:
            warnings.append(f"the quarantine of {domain} was left alone: {error}")
    removed = []
    for one in remove_expired(settings, RawLake.of(settings), catalogs, domains):
        get_run_logger().info("Removed %s/%s, %s bytes.", one.what, one.path, one.bytes)
        removed.append(one)
    counts = Counter(one.what for one in removed)
    said = ", ".join(f"{count} of {what}" for what, count in sorted(counts.items()))
    total = sum(one.bytes for one in removed)
    summary = f"removed {said}: {total / 2**20:.1f} MiB" if removed else "nothing had expired"
    if removed:
        create_table_artifact(
            key="retention",
            table=[
                {"what": one.what, "path": one.path, "bytes": one.bytes}
                for one in removed[:_MOST_ROWS]
            ],
            description=summary,
        )
    return {"summary": summary, "warnings": warnings}
