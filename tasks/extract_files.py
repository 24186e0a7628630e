"""Find the files of a table and load them into RAW; cached by content, retried when transient."""

import hashlib
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

from prefect import task
from prefect.context import TaskRunContext
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from blocks.file_store import open_file_store
from lakehouse.connectors.file_store import FetchedFile, FileStore, FoundFile
from lakehouse.errors import DeliveryMoving
from lakehouse.formats.content_profile import ContentProfile
from lakehouse.lake.load_file import load_file
from lakehouse.lake.partition_layout import download_scratch
from lakehouse.lake.pending_files import FileToLoad, TableFiles, look_for_files
from lakehouse.lake.raw_lake import RawLake
from lakehouse.progress import Progress, tell
from lakehouse.settings import load_settings
from lakehouse.source_catalog import Table, load_catalog
from lakehouse.table_load import TableLoad
from tasks.policies import transient_retries


@task(name="find-files", task_run_name="find {source}.{table}", **transient_retries)
def find_table_files(domain: str, source: str, table: str) -> dict[str, Any]:
    """List the complete files of a table and say which are work: see `look_for_files`.

    Returns:
        `TableFiles` as a dict.
    """
    settings = load_settings()
    declared = load_catalog(settings.project_dir, domain).table(source, table)
    with closing(open_file_store(declared, settings)) as store:
        return look_for_files(store, declared, RawLake.of(settings)).to_dict()


def content_key(_context: TaskRunContext, parameters: dict[str, Any]) -> str:
    """Cache key of an extraction: the table, how it is read, and the content of every file."""
    files = TableFiles.from_dict(parameters["files"])
    domain, source, table = (parameters[name] for name in ("domain", "source", "table"))
    declared = load_catalog(load_settings().project_dir, domain).table(source, table)
    content = [
        str(load_settings().raw),
        source,
        table,
        declared.reading_hash,
        sorted((file.name, file.sha256 or f"{file.size}:{file.mtime_ns}") for file in files.files),
    ]
    return "extract-" + hashlib.sha256(json.dumps(content).encode()).hexdigest()


@task(
    name="extract-files",
    task_run_name="extract {source}.{table}",
    cache_key_fn=content_key,
    persist_result=True,
    **transient_retries,
)
def extract_files(domain: str, source: str, table: str, files: dict[str, Any]) -> dict[str, Any]:
    """Load every pending file of a table, in the order of arrival.

    The ledger decides what is work, so a retry does only what is left.

    Returns:
        `TableLoad` as a dict: counts and one line per file, never rows.
    """
    logger = get_run_logger()
    settings = load_settings()
    declared = load_catalog(settings.project_dir, domain).table(source, table)
    lake = RawLake.of(settings)
    listed = TableFiles.from_dict(files)
    work = [file for file in listed.files if file.pending]
    load = TableLoad(
        source, table, len(listed.files), moving=listed.moving, unusable=listed.unusable
    )
    step = f"extract {declared.full_name}"
    with closing(open_file_store(declared, settings)) as store:
        for file in listed.files:
            if file.name in listed.loaded:
                load = _set_aside(store, file.found, load)
        scratch = download_scratch(settings.scratch, source, table)
        say = _teller(step, len(work))
        fetched = store.fetch([file.found for file in work], scratch, say)
        for file, copy in zip(work, fetched, strict=True):
            say(file.name)
            try:
                delivery = _load(copy, file, declared, lake)
            except DeliveryMoving as error:
                logger.warning("%s The next run takes it.", error)
                load = load.with_moving(file.name)
                continue
            load = load.with_delivery(delivery)
            logger.info("%s", load.deliveries[-1])
            if declared.meta.after_load == "move" and delivery.batch_id is not None:
                load = _set_aside(store, file.found, load)
    tell(Progress(step, load.summary, len(work), len(work)))
    logger.info("%s: %s", declared.full_name, load.summary)
    return load.to_dict()
