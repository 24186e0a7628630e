"""What is wrong with the deliveries of a domain as they stand in the ledger.

Everything follows from the ledger, so that a run that was killed between a load and its report
leaves nothing untold.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from lakehouse.faults import ERROR_TYPES, ErrorType, Fault, Resolution
from lakehouse.lake.audit_schema import batches, deliveries, quarantine_decisions, rejected_rows
from lakehouse.lake.error_ledger import ErrorLedger, ErrorRecord
from lakehouse.lake.ledger import Delivery, Ledger
from lakehouse.source_catalog import Catalog, Table

_NAMED = "lines and reasons are in etl.rejected_rows"


def settle_loads(catalog: Catalog, ledger: Ledger, at: datetime) -> None:
    """Bring the load errors of a domain to what its deliveries say.

    A file in quarantine is an error until a delivery of its name is loaded, or somebody decided
    about it. Faults in a file that was loaded end with a corrected file of its name, or with a
    load of the table in a later run that is free of them.
    """
    faults = [fault for table in catalog.tables for fault in load_faults(table, ledger)]
    discarded = _discarded(ledger)

    def judge(record: ErrorRecord) -> Resolution:
        if record.pipeline_stage != "load" or record.error_type == "step_failed":
            return "OPEN"
        is_discarded = record.error_details.get("delivery_id") in discarded
        return "IGNORED" if is_discarded else "RESOLVED"

    ErrorLedger(ledger.engine).settle(catalog.domain, faults, judge, at)


def load_faults(table: Table, ledger: Ledger) -> list[Fault]:
    """The faults that the deliveries of a table have now."""
    refused = [_refusal(table, delivery) for delivery in ledger.open_quarantine(table)]
    return [*refused, *_faults_of_loads(table, ledger)]


def _refusal(table: Table, delivery: Delivery) -> Fault:
    known = (kind for kind in ERROR_TYPES if kind == delivery.refused_as)
    details = {**_about(delivery), "rows_delivered": delivery.rows_delivered}
    return Fault(
        "load",
        table.full_name,
        next(known, "file_unreadable"),
        delivery.reason or "The file was refused.",
        delivery.file_name,
        delivery.started_at,
        details,
    )


@dataclass(frozen=True)
class _Contents:
    """What is wrong with the contents of a table, by batch.

    Attributes:
        columns: in which values were refused; None stands for whole records.
        new: columns that the contract does not declare.
    """

    columns: Mapping[str, set[str | None]]
    new: Mapping[str, list[str]]

    def faults(self, load: Row[Any]) -> dict[ErrorType, tuple[str, dict[str, Any]]]:
        """Words and details of each fault of a load, by kind."""
        found: dict[ErrorType, tuple[str, dict[str, Any]]] = {}
        counts = {"rows_delivered": load.rows_delivered, "rows_refused": load.rows_rejected}
        columns = self.columns.get(load.batch_id, {None} if load.rows_rejected else set())
        if None in columns:
            said = f"{load.file_name}: records that are no rows of the table were refused; {_NAMED}"
            found["rows_refused"] = (said, counts)
        if named := sorted(column for column in columns if column):
            said = f"{load.file_name}: values of {', '.join(named)} were refused; {_NAMED}"
            found["values_refused"] = (said, {**counts, "columns": named})
        if new := self.new.get(load.batch_id):
            said = f"{load.file_name}: new columns, loaded as text: {', '.join(new)}; declare them"
            found["new_column"] = (said, {"columns": new})
        return found


def _faults_of_loads(table: Table, ledger: Ledger) -> Iterator[Fault]:
    loads, contents = _loads(table, ledger)
    newer: set[str] = set()
    free_of: defaultdict[ErrorType, set[str | None]] = defaultdict(set)
    for load in loads:
        found = contents.faults(load)
        if load.file_name not in newer:
            newer.add(load.file_name)
            for kind, (message, details) in found.items():
                if not _is_later_run(free_of[kind], load.run_id):
                    yield Fault(
                        "load",
                        table.full_name,
                        kind,
                        message,
                        load.file_name,
                        load.started_at,
                        {**_about(load), **details},
                    )
        for kind in ERROR_TYPES:
            if kind not in found:
                free_of[kind].add(load.run_id)


def _is_later_run(runs: set[str | None], run: str | None) -> bool:
    """Tell whether any of these runs is another one; loads without a run are each their own."""
    return None in runs or bool(runs - {run})


def _loads(table: Table, ledger: Ledger) -> tuple[Sequence[Row[Any]], _Contents]:
    of_table = (deliveries.c.source_name == table.source, deliveries.c.table_name == table.name)
    loads = (
        select(
            deliveries.c.delivery_id,
            deliveries.c.file_name,
            deliveries.c.batch_id,
            deliveries.c.run_id,
            deliveries.c.rows_delivered,
            deliveries.c.rows_rejected,
            deliveries.c.started_at,
        )
        .where(*of_table, deliveries.c.status != "quarantined")
        .order_by(deliveries.c.delivery_id.desc())
    )
    refused = (
        select(deliveries.c.batch_id, rejected_rows.c.column_name)
        .join(rejected_rows, rejected_rows.c.delivery_id == deliveries.c.delivery_id)
        .where(*of_table, deliveries.c.batch_id.is_not(None))
        .distinct()
    )
    undeclared = select(batches.c.batch_id, batches.c.new_columns).where(
        batches.c.source_name == table.source,
        batches.c.table_name == table.name,
        batches.c.new_columns.is_not(None),
    )
    declared = {column.name for column in table.columns}
    is_told = not table.meta.open_columns
    columns: defaultdict[str, set[str | None]] = defaultdict(set)
    with ledger.engine.connect() as connection:
        for row in connection.execute(refused):
            columns[row.batch_id].add(row.column_name)
        new = {
            row.batch_id: [name for name in row.new_columns if name not in declared]
            for row in connection.execute(undeclared)
            if is_told
        }
        return connection.execute(loads).all(), _Contents(columns, new)


def _about(delivery: Delivery | Row[Any]) -> dict[str, Any]:
    return {"file": delivery.file_name, "delivery_id": delivery.delivery_id}


def _discarded(ledger: Ledger) -> set[int]:
    query = select(quarantine_decisions.c.delivery_id).where(
        quarantine_decisions.c.decision == "discarded"
    )
    with ledger.engine.connect() as connection:
        return set(connection.execute(query).scalars())
