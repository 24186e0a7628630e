"""Extractions as job runs: from the files, tables and APIs of a source into the RAW lake."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from lakehouse.lake.ledger import Delivery
from lakehouse.lineage_events.dataset_names import DatasetName, raw_table
from lakehouse.lineage_events.job_runs import Dataset, Field, JobRun, RunPlace, in_utc
from lakehouse.source_catalog import Table

SourceName = Callable[[str], DatasetName]
"""From a delivery's file name to the dataset that it came from."""


def load_run(
    parent: RunPlace,
    table: Table,
    raw: Path | str,
    deliveries: Sequence[Delivery],
    source_name: SourceName | None,
    *,
    failed: bool,
    began: datetime,
    now: datetime,
) -> JobRun | None:
    """The run that loaded a table; None if nothing came and nothing failed.

    Args:
        parent: the flow run around it.
        table: what was loaded.
        raw: root of the RAW lake.
        deliveries: of the table in this flow run.
        source_name: None if where it comes from is not known.
        failed: whether the table could not be read to its end.
        began: start of the flow run.
        now: moment of the call, UTC.
    """
    if not deliveries and not failed:
        return None
    taken = [one for one in deliveries if one.status != "quarantined"]
    is_bad = failed or not taken
    # A refused file is no input of the table, unless nothing else can be told.
    read = taken or deliveries
    names = sorted({source_name(one.file_name) for one in read}) if source_name else []
    if source_name and not names and table.connector in ("database", "api"):
        names = [source_name("")]
    ends = [in_utc(one.started_at) + timedelta(seconds=one.seconds) for one in deliveries]
    return JobRun(
        place=parent.child(f"{parent.job}.{table.full_name}"),
        kind="EXTRACT",
        started_at=min((in_utc(one.started_at) for one in deliveries), default=began),
        ended_at=now if failed else max(ends),
        outcome="FAIL" if is_bad else "COMPLETE",
        inputs=tuple(Dataset(name) for name in names),
        outputs=(_raw_dataset(table, raw, taken),),
        error=_error(table, len(deliveries), failed=failed) if is_bad else "",
    )


def _raw_dataset(table: Table, raw: Path | str, taken: Sequence[Delivery]) -> Dataset:
    return Dataset(
        raw_table(raw, table.source, table.name),
        fields=tuple(Field(name, kind) for name, kind in table.lake_columns),
        rows=sum(one.rows_loaded for one in taken if one.status == "loaded"),
    )


def _error(table: Table, deliveries: int, *, failed: bool) -> str:
    if failed:
        return f"{table.full_name} could not be read; `aljibe errors` says why."
    return (
        f"{table.full_name}: none of {deliveries} deliveries fits its contract; "
        "`aljibe quarantine list` says why."
    )
