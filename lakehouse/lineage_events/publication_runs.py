"""A publication as job runs: each table from the warehouse, or the lake, into the serving copy."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from lakehouse.lineage_events.build_runs import Warehouse
from lakehouse.lineage_events.dataset_names import duckdb_relation
from lakehouse.lineage_events.job_runs import Dataset, JobRun, RunPlace
from lakehouse.publish.serving_copy import published_ids


def publication_runs(
    parent: RunPlace,
    warehouse: Warehouse,
    domain: str,
    serving: Path,
    rows: Mapping[str, int],
    *,
    began: datetime,
    now: datetime,
) -> list[JobRun]:
    """One run for each table, so that no table seems to come from all others.

    Args:
        parent: the flow run around them.
        warehouse: where the published nodes lie.
        domain: whose tables they are.
        serving: the serving copy.
        rows: of each table that was published, by `schema.table`.
        began: start of the publication.
        now: its end, UTC.
    """
    runs = []
    for unique_id in published_ids(warehouse.manifest.content, domain):
        schema, table = warehouse.relation(unique_id)
        name = f"{schema}.{table}"
        if name not in rows:
            continue
        written = warehouse.written(unique_id, rows[name])
        runs.append(
            JobRun(
                place=parent.child(f"{parent.job}.{name}"),
                kind="PUBLISH",
                started_at=began,
                ended_at=now,
                outcome="COMPLETE",
                inputs=(Dataset(warehouse.name(unique_id)),),
                outputs=(replace(written, name=duckdb_relation(serving, schema, table)),),
            )
        )
    return runs
