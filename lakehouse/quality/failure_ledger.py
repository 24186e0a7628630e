"""The failure ledger: which rows fail a test, since when, and which do not any more.

Rows are followed by a hash of their key, so that a row delivered again is the same row.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, bindparam, insert, select, update

from lakehouse.lake.audit_schema import test_failures

_MOST_AT_ONCE = 500
Value = TypeVar("Value")


@dataclass(frozen=True)
class FailingKey:
    """Rows of one key that fail a test.

    Attributes:
        row_key: hash of the key's values.
        label: the key as it may be shown, masked columns as bullets; empty without a key.
        rows: how many rows share it.
    """

    row_key: str
    label: str
    rows: int


@dataclass(frozen=True)
class FailingKeys:
    """What is known of the rows that fail a test; `complete` if no key was left out."""

    keys: tuple[FailingKey, ...] = ()
    complete: bool = False


class FailureLedger:
    """Reads and writes of the failure ledger."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record_rows(self, domain: str, at: datetime, found: Mapping[str, FailingKeys]) -> None:
        """Note which rows fail, by unique id of the test.

        Rows that fail no more end, unless not every key was read.
        """
        with self._engine.begin() as connection:
            for unique_id, keys in found.items():
                _record_rows(connection, domain, unique_id, at, keys)

    def first_seen(
        self, domain: str, rows: Mapping[str, Collection[str]]
    ) -> dict[str, dict[str, datetime]]:
        """When rows that fail now were first seen to, by unique id of the test and key.

        Args:
            domain: the domain.
            rows: keys of the rows asked for, by unique id of the test.
        """
        columns = (test_failures.c.row_key, test_failures.c.first_seen_at)
        seen: dict[str, dict[str, datetime]] = {}
        with self._engine.connect() as connection:
            for unique_id, keys in rows.items():
                query = select(*columns).where(*_open_of(domain, unique_id))
                for some in _portions(list(dict.fromkeys(keys))):
                    of_some = query.where(test_failures.c.row_key.in_(some))
                    found = {row.row_key: row.first_seen_at for row in connection.execute(of_some)}
                    seen.setdefault(unique_id, {}).update(found)
        return seen


def _record_rows(
    connection: Connection, domain: str, unique_id: str, at: datetime, found: FailingKeys
) -> None:
    table = test_failures.c
    known = {
        row.row_key: row
        for row in connection.execute(
            select(table.row_key, table.failure_id, table.rows, table.row_label).where(
                *_open_of(domain, unique_id)
            )
        )
    }
    again = [key for key in found.keys if key.row_key in known]
    new = [key for key in found.keys if key.row_key not in known]
    _update(connection, [known[key.row_key].failure_id for key in again], last_seen_at=at)
    changed = [
        {"id": row.failure_id, "count": key.rows, "label": key.label}
        for key in again
        if (row := known[key.row_key]) and (row.rows, row.row_label) != (key.rows, key.label)
    ]
    if changed:
        connection.execute(
            update(test_failures)
            .where(table.failure_id == bindparam("id"))
            .values(rows=bindparam("count"), row_label=bindparam("label")),
            changed,
        )
    if new:
        connection.execute(
            insert(test_failures),
            [
                {
                    "domain": domain,
                    "unique_id": unique_id,
                    "row_key": key.row_key,
                    "row_label": key.label,
                    "rows": key.rows,
                    "first_seen_at": at,
                    "last_seen_at": at,
                }
                for key in new
            ],
        )
    if found.complete:
        gone = set(known) - {key.row_key for key in found.keys}
        _update(connection, [known[key].failure_id for key in sorted(gone)], resolved_at=at)


def _open_of(domain: str, unique_id: str) -> tuple[ColumnElement[bool], ...]:
    table = test_failures.c
    return table.domain == domain, table.unique_id == unique_id, table.resolved_at.is_(None)


def _update(connection: Connection, ids: Sequence[int], **values: datetime) -> None:
    for some in _portions(ids):
        connection.execute(
            update(test_failures).where(test_failures.c.failure_id.in_(some)).values(**values)
        )


def _portions(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    for first in range(0, len(values), _MOST_AT_ONCE):
        yield values[first : first + _MOST_AT_ONCE]
