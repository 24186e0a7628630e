"""The failure ledger: which rows fail a test, since when, and which do not any more.

Rows are followed by a hash of their key, so that a row delivered again is the same row.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row, bindparam, insert, select, update

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
    """Writes of the failure ledger."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record_rows(
        self, domain: str, at: datetime, found: Mapping[str, FailingKeys]
    ) -> dict[str, dict[str, datetime]]:
        """Note which rows fail, by unique id of the test.

        Rows that fail no more end, unless not every key was read.

        Returns:
            When each row was first seen to fail, by unique id of the test and row key.
        """
        with self._engine.begin() as connection:
            known = _open_rows(connection, domain, list(found))
            change = _Change()
            for unique_id, keys in found.items():
                change.note(unique_id, keys, known[unique_id])
            _write(connection, domain, at, change)
        return {
            unique_id: {
                key.row_key: known[unique_id][key.row_key].first_seen_at
                if key.row_key in known[unique_id]
                else at
                for key in keys.keys
            }
            for unique_id, keys in found.items()
        }


@dataclass
class _Change:
    """What became of the rows of all tests: ids of known rows, and new ones."""

    again: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    counts: list[dict[str, object]] = field(default_factory=list)
    new: list[dict[str, object]] = field(default_factory=list)

    def note(self, unique_id: str, found: FailingKeys, known: Mapping[str, Row[Any]]) -> None:
        for key in found.keys:
            row = known.get(key.row_key)
            if row is None:
                self.new.append(
                    {
                        "unique_id": unique_id,
                        "row_key": key.row_key,
                        "row_label": key.label,
                        "rows": key.rows,
                    }
                )
                continue
            self.again.append(row.failure_id)
            if (row.rows, row.row_label) != (key.rows, key.label):
                changed = {"id": row.failure_id, "count": key.rows, "label": key.label}
                self.counts.append(changed)
        if found.complete:
            still = {key.row_key for key in found.keys}
            self.gone += [row.failure_id for key, row in known.items() if key not in still]


def _open_rows(
    connection: Connection, domain: str, unique_ids: Sequence[str]
) -> dict[str, dict[str, Row[Any]]]:
    table = test_failures.c
    known: dict[str, dict[str, Row[Any]]] = {unique_id: {} for unique_id in unique_ids}
    columns = (
        table.unique_id,
        table.row_key,
        table.failure_id,
        table.rows,
        table.row_label,
        table.first_seen_at,
    )
    for some in _portions(unique_ids):
        query = select(*columns).where(
            table.domain == domain, table.unique_id.in_(some), table.resolved_at.is_(None)
        )
        for row in connection.execute(query):
            known[row.unique_id][row.row_key] = row
    return known


def _write(connection: Connection, domain: str, at: datetime, change: _Change) -> None:
    _update(connection, change.again, last_seen_at=at)
    if change.counts:
        connection.execute(
            update(test_failures)
            .where(test_failures.c.failure_id == bindparam("id"))
            .values(rows=bindparam("count"), row_label=bindparam("label")),
            change.counts,
        )
    if change.new:
        seen = {"domain": domain, "first_seen_at": at, "last_seen_at": at}
        connection.execute(insert(test_failures), [{**row, **seen} for row in change.new])
    _update(connection, change.gone, resolved_at=at)


def _update(connection: Connection, ids: Sequence[int], **values: datetime) -> None:
    for some in _portions(ids):
        connection.execute(
            update(test_failures).where(test_failures.c.failure_id.in_(some)).values(**values)
        )


def _portions(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    for first in range(0, len(values), _MOST_AT_ONCE):
        yield values[first : first + _MOST_AT_ONCE]
