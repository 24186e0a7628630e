"""What did not come, could not be read or was not loaded of a source table, for its owner."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lakehouse.lake.error_ledger import ErrorRecord

FaultKind = Literal["missing", "unread", "quarantined", "partly"]


@dataclass(frozen=True)
class RefusedRow:
    """A row of a delivery that is not in the lake, or only without the named value.

    Attributes:
        line: in the file; None where the format has no lines.
        reason: why, without the value.
        loaded: the row is in the lake; only this value was left empty.
    """

    file: str
    line: int | None
    column: str | None
    reason: str
    loaded: bool = False


@dataclass(frozen=True)
class RefusedFile:
    """A delivery in quarantine, about which nothing was decided yet."""

    file: str
    reason: str
    arrived_at: datetime


@dataclass(frozen=True)
class SourceFault:
    """An open error of the error ledger that keeps something of a table from being loaded.

    Attributes:
        error_id: in the ledger; a fault that comes back after it was settled has another.
        kind: no file came (`missing`); a file, a table or its whole source could not be read
            (`unread`); a file is in quarantine (`quarantined`), or was loaded without some rows or
            values (`partly`).
        table: `source.table`, or the source where all of its tables are concerned.
        file: its name; of a missing one the pattern; empty where there is none.
        message: what happened, without values of rows.
        since: when it was first met, UTC.
    """

    error_id: int
    kind: FaultKind
    table: str
    file: str
    message: str
    since: datetime


def source_faults(table: str, errors: Iterable[ErrorRecord]) -> tuple[SourceFault, ...]:
    """The faults of a table and of its source, in the order of the errors.

    Args:
        table: `source.table`.
        errors: open ones of the domain.
    """
    names = {table, table.partition(".")[0]}
    return tuple(
        SourceFault(
            error.error_id,
            kind,
            error.table_name,
            error.subject or str(error.error_details.get("pattern") or ""),
            error.error_message,
            error.error_timestamp,
        )
        for error in errors
        if error.table_name in names and (kind := _kind(error))
    )


def _kind(error: ErrorRecord) -> FaultKind | None:
    """What the error means for the table; None if nothing of it is missing because of it.

    A source that is late is told by the result of its freshness.
    """
    if error.error_type in ("source_stale", "new_column"):
        return None
    if error.pipeline_stage == "extract":
        return "missing" if error.error_type == "file_missing" else "unread"
    if error.pipeline_stage != "load":
        return None
    return "partly" if "rows_refused" in error.error_details else "quarantined"
