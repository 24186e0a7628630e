"""Find the files of a table and load them into RAW; cached by content, retried when transient."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from prefect import task
from prefect.context import TaskRunContext
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from blocks.file_stores import open_file_store
from lakehouse.connectors.download_folder import download_parent
from lakehouse.connectors.file_store import FetchedFile, FileStore, FoundFile
from lakehouse.errors import (
    DeliveryMoving,
    HostKeyUnknown,
    PermanentError,
    RemoteFolderRefused,
    RemoteFolderUnavailable,
    about,
)
from lakehouse.faults import fault_of
from lakehouse.formats.content_profile import ContentProfile
from lakehouse.lake.load_file import load_file
from lakehouse.lake.pending_files import FileToLoad, TableFiles, look_for_files, pending_names
from lakehouse.lake.raw_lake import RawLake
from lakehouse.progress import Progress, tell
from lakehouse.settings import load_settings
from lakehouse.source_catalog import Table, load_catalog
from lakehouse.table_load import TableLoad
from tasks.policies import transient_retries

_SERVERS = (HostKeyUnknown, RemoteFolderRefused, RemoteFolderUnavailable)


@task(name="find-files", task_run_name="find {source}.{table}", **transient_retries)
def find_table_files(domain: str, source: str, table: str) -> dict[str, Any]:
    """List the complete files of a table and say which are work: see `look_for_files`.

    Returns:
        `TableFiles` as a dict.
    """
    settings = load_settings()
    declared = load_catalog(settings.project_dir, domain).table(source, table)
    with (
        about(declared.full_name, *_SERVERS),
        closing(open_file_store(declared, settings)) as store,
    ):
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
    settings = load_settings()
    declared = load_catalog(settings.project_dir, domain).table(source, table)
    lake = RawLake.of(settings)
    listed = TableFiles.from_dict(files)
    load = TableLoad.of_listing(declared, listed)
    work, load = _still_to_do(listed, declared, lake, load)
    step = f"extract {declared.full_name}"
    with (
        about(declared.full_name, *_SERVERS),
        closing(open_file_store(declared, settings)) as store,
    ):
        for file in listed.files:
            if file.name in listed.loaded:
                load = _set_aside(store, file.found, load)
        load = _load_all(store, work, declared, lake, load)
    tell(Progress(step, load.summary, len(work), len(work)))
    get_run_logger().info("%s: %s", declared.full_name, load.summary)
    return load.to_dict()


def _still_to_do(
    listed: TableFiles, table: Table, lake: RawLake, load: TableLoad
) -> tuple[list[FileToLoad], TableLoad]:
    """Pending files that the ledger does not have by now, and what an earlier try loaded."""
    pending = [file for file in listed.files if file.pending]
    known = lake.ledger.newest_deliveries(table) if pending else {}
    left = pending_names([file.found for file in pending], known, table, lake)
    for file in pending:
        if file.name not in left and known[file.name].run_id == flow_run.get_id():
            load = load.with_delivery(known[file.name])
    return [file for file in pending if file.name in left], load


def _load_all(
    store: FileStore, work: Sequence[FileToLoad], table: Table, lake: RawLake, load: TableLoad
) -> TableLoad:
    """Load each file that can be had; only then raise what another try may mend."""
    scratch = download_parent(lake.settings.scratch, table.source, table.name)
    done = 0
    faults = []

    def say(text: str) -> None:
        tell(Progress(f"extract {table.full_name}", text, done, len(work)))

    with closing(store.fetch([file.found for file in work], scratch, say)) as fetched:
        for file, copy in zip(work, fetched, strict=True):
            say(file.name)
            if copy.fault is None or isinstance(copy.fault, DeliveryMoving):
                load = _load(store, copy, file, table, lake, load)
            elif isinstance(copy.fault, PermanentError):
                load = _unread(load, table, file.name, copy.fault)
            else:
                faults.append(copy.fault)
            done += 1
    if faults:
        raise faults[0]
    return load


def _load(
    store: FileStore,
    copy: FetchedFile,
    file: FileToLoad,
    table: Table,
    lake: RawLake,
    load: TableLoad,
) -> TableLoad:
    logger = get_run_logger()
    try:
        if copy.fault:
            raise copy.fault
        delivery = load_file(
            copy.folder,
            copy.found,
            table,
            lake,
            run_id=flow_run.get_id(),
            profile=ContentProfile(**file.profile) if file.profile else None,
            local_name=copy.local_name,
            settles_at=file.settles_at,
        )
    except DeliveryMoving as error:
        logger.warning("%s The next run takes it.", error)
        return load.with_moving(file.name)
    load = load.with_delivery(delivery)
    logger.info("%s", load.deliveries[-1])
    if table.meta.after_load == "move" and delivery.batch_id is not None:
        load = _set_aside(store, file.found, load)
    return load


def _unread(load: TableLoad, table: Table, name: str, error: PermanentError) -> TableLoad:
    note = f"{name} cannot be read: {error}"
    get_run_logger().warning("%s", note)
    fault = replace(
        fault_of("extract", table.full_name, error, subject=name), details={"file": name}
    )
    return replace(load, notes=(*load.notes, note), faults=(*load.faults, fault))


def _set_aside(store: FileStore, found: FoundFile, load: TableLoad) -> TableLoad:
    logger = get_run_logger()
    try:
        moved = store.set_aside(found)
    except OSError as error:
        note = f"{found.name} is loaded but cannot be moved ({error.strerror}); move it yourself"
        return replace(load, notes=(*load.notes, note))
    logger.info(
        "%s", f"{found.name} is now {moved}" if moved else f"{found.name} was left: it changed"
    )
    return load
