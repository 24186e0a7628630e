"""Incidents of tests: since when one does not pass, and when it last recovered.

An incident opens with the first run in which a test warns, fails or cannot run, and ends with the
first in which it passes; a run that skips or leaves out the test says nothing about it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, func, insert, select, update

from lakehouse.lake.audit_schema import test_failures, test_incidents, test_notifications
from lakehouse.quality.build_results import NodeResult
from lakehouse.quality.run_facts import Change, Incident, TestState

OPEN = ("warn", "fail", "error")
_MOST_INCIDENTS = 10
_MOST_IDS = 500


def record_incidents(
    connection: Connection,
    domain: str,
    mark: str,
    at: datetime,
    checks: Iterable[NodeResult],
    known: Collection[str] | None = None,
) -> None:
    """Open, go on with, or end the incidents of these checks.

    Args:
        connection: in a transaction.
        domain: whose checks.
        mark: the build, or the run, that saw them; the same twice changes nothing.
        at: when.
        checks: results of tests and of source freshness.
        known: ids that the project still has; incidents of others end. None: all are known.
    """
    open_now = {
        row.unique_id: row
        for row in connection.execute(
            select(test_incidents).where(
                test_incidents.c.domain == domain, test_incidents.c.resolved_at.is_(None)
            )
        )
    }
    seen: list[dict[str, object]] = []
    opened: list[dict[str, object]] = []
    ended: list[str] = []
    for check in checks:
        row = open_now.get(check.unique_id)
        if check.status in OPEN and row:
            worst = max(
                (n for n in (row.worst_rows, check.failures) if n is not None), default=None
            )
            seen.append({"id": row.incident_id, "status": check.status, "worst": worst})
        elif check.status in OPEN:
            opened.append(_new_incident(domain, mark, at, check))
        elif check.status == "pass" and row:
            ended.append(check.unique_id)
    ended += [one for one in open_now if known is not None and one not in known]
    if seen:
        # A run that is told twice leaves the time of the first telling.
        connection.execute(
            update(test_incidents)
            .where(test_incidents.c.incident_id == bindparam("id"))
            .values(status=bindparam("status"), worst_rows=bindparam("worst"), last_seen_at=at),
            [dict(values) for values in seen],
        )
    if opened:
        connection.execute(insert(test_incidents), opened)
    for first in range(0, len(ended), _MOST_IDS):
        _end(connection, domain, ended[first : first + _MOST_IDS], mark, at)


def _new_incident(domain: str, mark: str, at: datetime, check: NodeResult) -> dict[str, object]:
    return {
        "domain": domain,
        "unique_id": check.unique_id,
        "status": check.status,
        "worst_rows": check.failures,
        "opened_at": at,
        "opened_by": mark,
        "last_seen_at": at,
    }


def _end(connection: Connection, domain: str, ids: Sequence[str], mark: str, at: datetime) -> None:
    connection.execute(
        update(test_incidents)
        .where(
            test_incidents.c.domain == domain,
            test_incidents.c.unique_id.in_(ids),
            test_incidents.c.resolved_at.is_(None),
        )
        .values(resolved_at=at, resolved_by=mark)
    )
    connection.execute(
        update(test_failures)
        .where(
            test_failures.c.domain == domain,
            test_failures.c.unique_id.in_(ids),
            test_failures.c.resolved_at.is_(None),
        )
        .values(resolved_at=at)
    )
    connection.execute(
        test_notifications.delete().where(
            test_notifications.c.domain == domain, test_notifications.c.unique_id.in_(ids)
        )
    )


def open_since(engine: Engine, domain: str) -> dict[str, datetime]:
    """When the incident of every test that is open began, by unique id."""
    query = select(test_incidents.c.unique_id, test_incidents.c.opened_at).where(
        test_incidents.c.domain == domain, test_incidents.c.resolved_at.is_(None)
    )
    with engine.connect() as connection:
        return {row.unique_id: row.opened_at for row in connection.execute(query)}


def incident_states(
    engine: Engine, domain: str, mark: str, checks: Sequence[NodeResult]
) -> dict[str, TestState]:
    """How every check stands after the run `mark`; tests that are open but absent too."""
    incidents: defaultdict[str, list[Incident]] = defaultdict(list)
    marks: dict[str, tuple[str, str | None]] = {}
    query = (
        select(test_incidents)
        .where(test_incidents.c.domain == domain)
        .order_by(test_incidents.c.incident_id.desc())
    )
    fixed_rows: dict[str, int] = {}
    with engine.connect() as connection:
        for row in connection.execute(query):
            marks.setdefault(row.unique_id, (row.opened_by, row.resolved_by))
            if len(incidents[row.unique_id]) < _MOST_INCIDENTS:
                incidents[row.unique_id].append(_incident(row))
        fixed_rows = _fixed_rows(connection, domain)
    now = {check.unique_id: check for check in checks}
    return {
        unique_id: _state(
            now.get(unique_id),
            tuple(incidents.get(unique_id, ())),
            marks.get(unique_id),
            mark,
            fixed_rows.get(unique_id, 0),
        )
        for unique_id in dict.fromkeys([*now, *incidents])
    }


def _fixed_rows(connection: Connection, domain: str) -> dict[str, int]:
    """Rows that ended during the newest incident of each test."""
    newest = (
        select(test_incidents.c.unique_id, func.max(test_incidents.c.opened_at).label("opened_at"))
        .where(test_incidents.c.domain == domain)
        .group_by(test_incidents.c.unique_id)
        .subquery()
    )
    query = (
        select(test_failures.c.unique_id, func.sum(test_failures.c.rows).label("fixed"))
        .join(newest, newest.c.unique_id == test_failures.c.unique_id)
        .where(
            test_failures.c.domain == domain,
            test_failures.c.resolved_at.is_not(None),
            test_failures.c.first_seen_at >= newest.c.opened_at,
        )
        .group_by(test_failures.c.unique_id)
    )
    return {row.unique_id: int(row.fixed or 0) for row in connection.execute(query)}


def _state(
    check: NodeResult | None,
    incidents: tuple[Incident, ...],
    marks: tuple[str, str | None] | None,
    mark: str,
    rows_fixed: int,
) -> TestState:
    newest = incidents[0] if incidents else None
    is_open = newest is not None and newest.resolved_at is None
    change: Change | None = None
    if is_open and (check is None or check.status == "skipped"):
        change = "NOT CHECKED"
    elif is_open and check is not None and check.status in OPEN:
        change = "NEW" if marks and marks[0] == mark else "STILL"
    elif newest and marks and marks[1] == mark and check and check.status == "pass":
        change = "FIXED"
    return TestState(
        change=change,
        since=newest.opened_at if newest and is_open else None,
        incidents=incidents,
        rows_fixed=rows_fixed,
    )


def _incident(row: Row[Any]) -> Incident:
    return Incident(
        opened_at=row.opened_at,
        last_seen_at=row.last_seen_at,
        resolved_at=row.resolved_at,
        status=row.status,
        worst_rows=row.worst_rows,
    )
