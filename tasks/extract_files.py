"""Find the files of a table and load them into RAW; cached by content, retried when transient."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from prefect import task
from prefect.context import TaskRunContext
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from blocks.declared import find_block
from blocks.landing_folder import LandingFolder
from lakehouse.connectors.folder import FoundFile, find_files, settled, unusable_names
from lakehouse.errors import DeliveryMoving
from lakehouse.formats.content_profile import ContentProfile, profile_content
from lakehouse.lake.load_file import load_file
from lakehouse.lake.pending_files import FileToLoad, TableFiles, pending_names
from lakehouse.lake.raw_lake import RawLake
from lakehouse.progress import Progress, tell
from lakehouse.settings import load_settings
from lakehouse.source_catalog import load_catalog
from lakehouse.table_load import TableLoad
from tasks.policies import transient_retries


@task(name="find-files", task_run_name="find {source}.{table}", **transient_retries)
def find_table_files(domain: str, source: str, table: str) -> dict[str, Any]:
    """List the complete files of a table and say which are work.

    A new or changed file counts only when two looks, `settle_seconds` apart, agree on it.

    Returns:
        `TableFiles` as a dict.
    """
    settings = load_settings()
    declared = load_catalog(settings.project_dir, domain).table(source, table)
    lake = RawLake.of(settings)
    folder = find_block(declared.block, LandingFolder, settings).folder()
    found = find_files(folder, declared)
    known = lake.ledger.newest_deliveries(declared)
    pending = pending_names(found, known, declared, lake)
    moving: list[str] = []
    if pending:
        time.sleep(declared.meta.settle_seconds)
        quiet, still_moving = settled(folder, [file for file in found if file.name in pending])
        moving = [file.name for file in still_moving]
        pending &= {file.name for file in quiet}
    files = [
        FileToLoad.of(file, profile_content(folder / file.name), pending=True)
        if file.name in pending
        else FileToLoad.of_known(file, known[file.name])
        for file in found
        if file.name not in moving
    ]
    unusable = tuple(unusable_names(folder, declared))
    return TableFiles(str(folder), tuple(files), tuple(moving), unusable).to_dict()


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
        sorted((file.name, file.sha256) for file in files.files),
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
    for number, file in enumerate(work):
        tell(Progress(step, file.name, number, len(work)))
        try:
            delivery = load_file(
                Path(listed.folder),
                FoundFile(file.name, file.size, file.mtime_ns, dict(file.captured)),
                declared,
                lake,
                run_id=flow_run.get_id(),
                profile=ContentProfile(**file.profile) if file.profile else None,
            )
        except DeliveryMoving as error:
            logger.warning("%s The next run takes it.", error)
            load = load.with_moving(file.name)
            continue
        load = load.with_delivery(delivery)
        logger.info("%s", load.deliveries[-1])
    tell(Progress(step, load.summary, len(work), len(work)))
    logger.info("%s: %s", declared.full_name, load.summary)
    return load.to_dict()
