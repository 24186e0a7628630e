"""What a board of arrivals tells to automations: one event for each period that is not in order."""

from collections.abc import Sequence
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from lakehouse.quality.arrival_board import BoardRow
from lakehouse.quality.arrival_verdicts import Verdict
from lakehouse.reports.run_events import RunEvent

FILE_EVENTS: dict[Verdict, str] = {
    "missing": "lakehouse.file.missing",
    "late": "lakehouse.file.late",
    "too_small": "lakehouse.file.too_small",
    "duplicate": "lakehouse.file.duplicated",
}


def arrival_events(rows: Sequence[BoardRow]) -> list[RunEvent]:
    """One event per period that is missing, late, too small or duplicate.

    The same period with the same verdict has the same id, however often it is judged.
    """
    return [_event(row, FILE_EVENTS[row.verdict]) for row in rows if row.verdict in FILE_EVENTS]


def _event(row: BoardRow, name: str) -> RunEvent:
    period = row.period.period
    about = "\n".join((row.domain, row.table, period.name, name))
    owner = (
        (
            {
                "prefect.resource.id": f"lakehouse.owner.{row.domain}.{row.owner}",
                "prefect.resource.role": "owner",
                "prefect.resource.name": row.owner,
            },
        )
        if row.owner
        else ()
    )
    return RunEvent(
        name=name,
        id=str(uuid5(NAMESPACE_URL, f"lakehouse:{about}")),
        resource={
            "prefect.resource.id": f"lakehouse.file.{row.domain}.{row.table}",
            "prefect.resource.name": row.table,
            "lakehouse.domain": row.domain,
        },
        related=owner,
        payload={
            "domain": row.domain,
            "table": row.table,
            "period": period.name,
            "due": period.due.isoformat(),
            "arrived_at": _iso(row.period.arrived_at),
            "came": row.period.came,
            "expected": row.period.expected,
            "files": list(row.period.files),
            "owner": row.owner,
        },
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
