"""The error ledger: one row for each fault, from the first time it is met until it is settled.

A fault that persists stays one row; one that comes back after it was settled is another. Nothing
deletes rows.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
from sqlalchemy import Connection, Engine, Row, Text, cast, insert, select, update

from lakehouse.errors import ErrorNotOpen
from lakehouse.faults import ErrorType, Fault, Resolution, Stage
from lakehouse.lake.audit_copy import copy_query
from lakehouse.lake.audit_schema import errors

SHORTEST_REASON = 10
_GREATEST_NUMBER = 2**63 - 1
_ERROR_LOG = """
    error_id BIGINT, error_timestamp TIMESTAMPTZ, pipeline_stage VARCHAR, table_name VARCHAR,
    error_type VARCHAR, error_message VARCHAR, error_details JSON, resolution_status VARCHAR,
    created_at TIMESTAMPTZ, resolved_at TIMESTAMPTZ
"""


@dataclass(frozen=True)
class ErrorRecord:
    """A row of the ledger.

    Attributes:
        table_name: see `Fault.table`.
        subject: see `Fault.subject`.
        error_timestamp: when the fault was first met.
        error_details: what is known besides; `last_seen` is when it was last met.
        is_standing: whether the fault has not gone yet; one that is ignored may still stand.
        created_at: when the row was written.
        resolved_at: when it was settled, by a good run or by a decision.
    """

    error_id: int
    domain: str
    pipeline_stage: Stage
    table_name: str | None
    error_type: ErrorType
    subject: str
    error_timestamp: datetime
    error_message: str
    error_details: Mapping[str, Any]
    resolution_status: Resolution
    is_standing: bool
    created_at: datetime
    resolved_at: datetime | None

    @property
    def key(self) -> tuple[str, str | None, str, str]:
        """What tells its fault from others of the domain."""
        return self.pipeline_stage, self.table_name, self.error_type, self.subject


Judge = Callable[[ErrorRecord], Resolution]
"""How a standing row ends whose fault was not met: `OPEN` leaves it as it is."""


class ErrorLedger:
    """Reads and writes of the error ledger; every write is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def settle(self, domain: str, faults: Iterable[Fault], judge: Judge, at: datetime) -> bool:
        """Note the faults that were met, and end those that were not.

        The same call again changes nothing but the times at which faults were last met.

        Args:
            domain: whose faults.
            faults: those that were met.
            judge: asked about every standing row of the domain whose fault is not among them.
            at: moment of the call, UTC.

        Returns:
            Whether any row was written or changed.
        """
        met = {_key(fault): fault for fault in faults}
        changed = False
        with self.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # Two that settle at once would each write the rows that the other does not see.
                connection.exec_driver_sql("lock table errors in share row exclusive mode")
            query = select(errors).where(errors.c.domain == domain, errors.c.is_standing)
            standing = [_record(row) for row in connection.execute(query)]
            for record in standing:
                fault = met.pop(record.key, None)
                values = (
                    _going_on(record, fault, at) if fault else _ended(record, judge(record), at)
                )
                if values:
                    changed = True
                    connection.execute(
                        update(errors).where(errors.c.error_id == record.error_id).values(**values)
                    )
            if met:
                rows = [_new_row(domain, fault, at) for fault in met.values()]
                connection.execute(insert(errors), rows)
        return changed or bool(met)

    def open_errors(self, domain: str) -> list[ErrorRecord]:
        """The errors of a domain about which nothing was decided, oldest first."""
        query = (
            select(errors)
            .where(errors.c.domain == domain, errors.c.resolution_status == "OPEN")
            .order_by(errors.c.error_id)
        )
        with self.engine.connect() as connection:
            return [_record(row) for row in connection.execute(query)]

    def ignore(self, number: int, reason: str, *, by: str, at: datetime) -> ErrorRecord:
        """Decide that nothing will be done about an open error; returns it as it is then.

        It stays ignored until its fault is gone; if it comes back after that, it is a new error.

        Args:
            number: its `error_id`.
            reason: at least ten characters, for those who ask later.
            by: who decides.
            at: moment of the decision, UTC.

        Raises:
            ErrorNotOpen: the reason says nothing, or no error of this number is open.
        """
        said = " ".join(reason.split())
        if len(said) < SHORTEST_REASON or not any(char.isalpha() for char in said):
            raise ErrorNotOpen(
                f"A reason of at least {SHORTEST_REASON} characters is needed to ignore an error: "
                "somebody will ask."
            )
        with self.engine.begin() as connection:
            record = _found(connection, number)
            if record is None or record.resolution_status != "OPEN":
                state = f"is {record.resolution_status} already" if record else "does not exist"
                raise ErrorNotOpen(
                    f"Error {number} {state}. `aljibe errors` shows those that are open."
                )
            decision = {"by": by, "reason": said}
            connection.execute(
                update(errors)
                .where(errors.c.error_id == number)
                .values(
                    resolution_status="IGNORED",
                    resolved_at=at,
                    error_details={**record.error_details, "ignored": decision},
                )
            )
            return _found(connection, number) or record


def write_error_log(connection: duckdb.DuckDBPyConnection, engine: Engine, domain: str) -> None:
    """Write `etl.error_log` of a domain anew in its warehouse.

    Args:
        connection: the warehouse.
        engine: of the audit database.
        domain: whose errors.
    """
    query = select(
        errors.c.error_id,
        errors.c.error_timestamp,
        errors.c.pipeline_stage,
        errors.c.table_name,
        errors.c.error_type,
        errors.c.error_message,
        cast(errors.c.error_details, Text),
        errors.c.resolution_status,
        errors.c.created_at,
        errors.c.resolved_at,
    ).where(errors.c.domain == domain)
    connection.execute("create schema if not exists etl")
    copy_query(connection, engine, "etl.error_log", _ERROR_LOG, query.order_by(errors.c.error_id))


def _key(fault: Fault) -> tuple[str, str | None, str, str]:
    return fault.stage, fault.table, fault.error_type, fault.subject


def _found(connection: Connection, number: int) -> ErrorRecord | None:
    if not 0 < number <= _GREATEST_NUMBER:
        return None
    row = connection.execute(select(errors).where(errors.c.error_id == number)).one_or_none()
    return _record(row) if row else None


def _record(row: Row[Any]) -> ErrorRecord:
    return ErrorRecord(**row._mapping)


def _details(fault: Fault, at: datetime) -> dict[str, Any]:
    last_seen = (fault.at or at).astimezone(UTC)
    return {**fault.details, "last_seen": last_seen.isoformat(timespec="seconds")}


def _new_row(domain: str, fault: Fault, at: datetime) -> dict[str, Any]:
    return {
        "domain": domain,
        "pipeline_stage": fault.stage,
        "table_name": fault.table,
        "error_type": fault.error_type,
        "subject": fault.subject,
        "error_timestamp": fault.at or at,
        "error_message": fault.message,
        "error_details": _details(fault, at),
        "resolution_status": "OPEN",
        "is_standing": True,
        "created_at": at,
    }


def _going_on(record: ErrorRecord, fault: Fault, at: datetime) -> dict[str, Any]:
    decision = record.error_details.get("ignored")
    details = _details(fault, at) | ({"ignored": decision} if decision else {})
    if (record.error_message, record.error_details) == (fault.message, details):
        return {}
    return {"error_message": fault.message, "error_details": details}


def _ended(record: ErrorRecord, end: Resolution, at: datetime) -> dict[str, Any]:
    if end == "OPEN":
        return {}
    # What somebody decided stays as it was decided.
    decided = record.resolution_status != "OPEN"
    settled = {} if decided else {"resolution_status": end, "resolved_at": at}
    return {"is_standing": False, **settled}
