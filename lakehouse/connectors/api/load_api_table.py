"""One table of an API into the RAW lake: ask, keep, stage, load."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from lakehouse.connectors.api.access import ApiAccess
from lakehouse.connectors.api.answers_content import AnswersContent
from lakehouse.connectors.api.client import ApiClient
from lakehouse.connectors.api.fetch_records import Answers, fetch_records
from lakehouse.connectors.api.greatest_cursor import greatest_cursor
from lakehouse.connectors.api.request_plan import api_options, planned_requests, without_query
from lakehouse.connectors.download_folder import download_folder
from lakehouse.connectors.file_store import FoundFile
from lakehouse.errors import DeliveryRefused
from lakehouse.formats.staging_limits import StagingLimits
from lakehouse.lake.arrival import Arrival
from lakehouse.lake.duckdb_session import resources_suffice
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.load_delivery import Content, load_delivery
from lakehouse.lake.raw_lake import TABLE_LOCK_TIMEOUT, RawLake
from lakehouse.lake.shared_locks import shared_lock
from lakehouse.source_catalog import Table


def load_api_table(
    access: ApiAccess,
    table: Table,
    lake: RawLake,
    *,
    run_id: str | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Delivery:
    """Ask for a table and load what is answered, as one delivery.

    Args:
        access: of its API.
        table: with path, paging and contract.
        lake: where it goes.
        run_id: flow run that is told to the ledger.
        sleep: waits between requests.

    Returns:
        The delivery as recorded: loaded, known (the same answers as before) or quarantined.

    Raises:
        ApiUnavailable: the API could not be reached; nothing was loaded.
        ApiRefused: it does not give what is asked for; nothing was loaded.
        CatalogInvalid: a placeholder of path or params that nothing fills.
        ResourcesExhausted: disk or memory did not suffice; nothing was loaded.
        LockWaitTooLong: another run asks for the same table.
    """
    with resources_suffice(table.full_name), _asked_folder(table, lake, run_id) as folder:
        started_at, clock = datetime.now(UTC), time.monotonic()
        cursor = lake.ledger.cursor(table) if table.meta.load == "incremental" else None
        requests = planned_requests(access, table, cursor=cursor, today=started_at.date())
        with ApiClient(access, sleep) as client:
            answers = fetch_records(client, table, requests, folder)
        return load_answers(
            answers,
            table,
            lake,
            folder=folder,
            file_name=delivery_name(table, answers),
            started_at=started_at,
            clock=clock,
            run_id=run_id,
            mtime_ns=int(started_at.timestamp()) * 1_000_000_000,
        )


@contextmanager
def _asked_folder(table: Table, lake: RawLake, run_id: str | None) -> Iterator[Path]:
    """A folder for the answers of a table for which nobody else asks meanwhile.

    What was asked for first is loaded first, so that the newest delivery is the newest answer.
    """
    # A hyphen is in no name of a source, so that no load's scratch folder is this one.
    downloads = lake.settings.scratch / "api-answers" / table.source / table.name
    lock = shared_lock(
        lake.settings,
        f"reading of {table.full_name}",
        downloads.with_name(f"{table.name}.lock"),
        run_id or "load",
        timeout=TABLE_LOCK_TIMEOUT,
    )
    with lock, download_folder(downloads) as folder:
        yield folder


def load_answers(
    answers: Answers,
    table: Table,
    lake: RawLake,
    *,
    folder: Path,
    file_name: str,
    started_at: datetime,
    clock: float,
    run_id: str | None,
    mtime_ns: int,
    guarded: Callable[[Content], Content] = lambda content: content,
) -> Delivery:
    """Load answers that are on disk.

    Args:
        answers: one delivery.
        table: whose they are.
        lake: where they go.
        folder: scratch for staged parts; emptied by the caller.
        file_name: name of the delivery.
        started_at: moment in UTC at which the load began.
        clock: the same in seconds of `time.monotonic`.
        run_id: flow run that is told to the ledger.
        mtime_ns: when the API was asked.
        guarded: puts a check of the caller's in front of the content.
    """
    limits = StagingLimits(lake.settings.duckdb_threads, lake.settings.duckdb_memory)
    content = AnswersContent(answers, table, file_name, limits)
    arrival = Arrival.of(
        table,
        FoundFile(file_name, answers.size, mtime_ns),
        answers.sha256,
        started_at,
        clock,
        run_id,
        cursor_value=_cursor(content, table, folder, limits),
    )
    return load_delivery(arrival, guarded(content), lake)


def delivery_name(table: Table, answers: Answers) -> str:
    """What the answers are called: the path, and for `load: append` a mark of their content.

    Under one name the newest content counts; appended answers all count.
    """
    path = without_query(api_options(table).path)
    return f"{path}@{answers.sha256[:12]}" if table.meta.load == "append" else path


def _cursor(
    content: AnswersContent, table: Table, folder: Path, limits: StagingLimits
) -> str | None:
    if table.meta.load != "incremental":
        return None
    try:
        return greatest_cursor(content.stage(folder), table, folder, limits)
    except DeliveryRefused as refusal:
        # Staged again under the table's lock, it ends in quarantine.
        content.answers.refusal = str(refusal)
        return None
