"""Read the tables of a database in one snapshot into RAW; retried when transient."""

import hashlib
import json
from itertools import groupby
from operator import attrgetter
from typing import Any

from prefect import task
from prefect.context import TaskRunContext
from prefect.logging import get_run_logger
from prefect.results import ResultStore
from prefect.runtime import flow_run

from blocks.database import database_url
from lakehouse.lake.load_database import load_tables
from lakehouse.lake.raw_lake import RawLake
from lakehouse.progress import Progress, tell
from lakehouse.settings import load_settings
from lakehouse.source_catalog import Table, load_catalog
from lakehouse.table_load import TableLoad
from tasks.policies import transient_retries


def tables_of(domain: str, source: str) -> list[Table]:
    """The tables of a source, in the order of their declaration."""
    catalog = load_catalog(load_settings().project_dir, domain)
    return [table for table in catalog.tables if table.source == source]


def snapshot_key(context: TaskRunContext, parameters: dict[str, Any]) -> str | None:
    """Cache key of an extraction: the lake, the source, how it is read, and the window.

    Returns:
        None, which makes the task run, if the lake has lost what was loaded under the key.
    """
    domain, source = parameters["domain"], parameters["source"]
    window = parameters.get("refresh") or flow_run.get_id()
    tables = [(table.name, table.reading_hash) for table in tables_of(domain, source)]
    what = [str(load_settings().raw), source, tables, window]
    key = "extract-" + hashlib.sha256(json.dumps(what).encode()).hexdigest()
    return key if _is_trusted(context.result_store, key) else None


def _is_trusted(results: ResultStore, key: str) -> bool:
    """Tell whether every batch of the result that is kept under a key is in the lake."""
    if not results.exists(key):
        return True
    loads = [TableLoad.from_dict(load) for load in results.read(key).result]
    lake = RawLake.of(load_settings())
    batches = [file.batch_id for load in loads for file in load.deliveries if file.batch_id]
    return all(lake.holds(batch) for batch in batches)


@task(
    name="extract-database",
    task_run_name="extract {source}",
    cache_key_fn=snapshot_key,
    persist_result=True,
    **transient_retries,
)
def extract_database(domain: str, source: str, refresh: str | None = None) -> list[dict[str, Any]]:
    """Load every table of a database as it is at one moment.

    Args:
        domain: folder of its declaration.
        source: its name there.
        refresh: window in which it is read once; default the flow run, so that neither a retry
            nor a resumed run reads again what is in the lake.

    Returns:
        `TableLoad` of each table as a dict: counts, never rows.
    """
    del refresh  # Only a part of the cache's key.
    logger = get_run_logger()
    settings = load_settings()
    lake = RawLake.of(settings)

    def listen(progress: Progress) -> None:
        tell(progress)
        if progress.total is not None and progress.done == progress.total:
            logger.info("%s: %s", progress.step, progress.text)

    loads: list[TableLoad] = []
    for block, tables in groupby(tables_of(domain, source), attrgetter("block")):
        url = database_url(block, settings)
        loads += load_tables(url, list(tables), lake, flow_run.get_id(), listen)
    for load in loads:
        for delivery in load.deliveries:
            logger.info("%s.%s: %s", load.source, load.table, delivery)
    return [load.to_dict() for load in loads]
