"""A publication as job runs: each table from the warehouse, or the lake, to where readers look."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL

from lakehouse.lineage_events.build_runs import Warehouse
from lakehouse.lineage_events.dataset_names import database_table, duckdb_relation
from lakehouse.lineage_events.job_runs import Dataset, JobRun, RunPlace
from lakehouse.publish.serving_copy import published_ids, schema_name


def publication_runs(
    parent: RunPlace,
    warehouse: Warehouse,
    domain: str,
    serving: Path,
    rows: Mapping[str, int],
    *,
    database: URL | None = None,
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
        database: the PostgreSQL that has the tables too.
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
        places = [duckdb_relation(serving, schema, table)]
        if database is not None:
            places.append(database_table(database, f"{schema_name(domain, schema)}.{table}"))
        runs.append(
            JobRun(
                place=parent.child(f"{parent.job}.{name}"),
                kind="PUBLISH",
                started_at=began,
                ended_at=now,
                outcome="COMPLETE",
                inputs=(Dataset(warehouse.name(unique_id)),),
                outputs=tuple(replace(written, name=place) for place in places),
            )
        )
    return runs
