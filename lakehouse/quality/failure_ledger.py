"""The failure ledger: which rows fail a test, since when, and which do not any more.

Rows are followed by a hash of their key, so that a row delivered again is the same row.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from lakehouse.lake.audit_schema import test_failures

_MOST_IDS = 500


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
        self, domain: str, unique_ids: Collection[str]
    ) -> dict[tuple[str, str], datetime]:
        """When each row that fails now was first seen to, by test and key."""
        query = select(
            test_failures.c.unique_id, test_failures.c.row_key, test_failures.c.first_seen_at
        ).where(test_failures.c.domain == domain, test_failures.c.resolved_at.is_(None))
        with self._engine.connect() as connection:
            return {
                (row.unique_id, row.row_key): row.first_seen_at
                for row in connection.execute(query)
                if row.unique_id in unique_ids
            }


def _record_rows(
    connection: Connection, domain: str, unique_id: str, at: datetime, found: FailingKeys
) -> None:
    of_test = (test_failures.c.domain == domain, test_failures.c.unique_id == unique_id)
    is_open = test_failures.c.resolved_at.is_(None)
    known = {
        row.row_key: row.failure_id
        for row in connection.execute(
            select(test_failures.c.row_key, test_failures.c.failure_id).where(*of_test, is_open)
        )
    }
    again = [key for key in found.keys if key.row_key in known]
    new = [key for key in found.keys if key.row_key not in known]
    if again:
        connection.execute(
            update(test_failures)
            .where(test_failures.c.failure_id == bindparam("id"))
            .values(last_seen_at=at, rows=bindparam("count"), row_label=bindparam("label")),
            [{"id": known[k.row_key], "count": k.rows, "label": k.label} for k in again],
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
        ids = [known[key] for key in sorted(gone)]
        for first in range(0, len(ids), _MOST_IDS):
            connection.execute(
                update(test_failures)
                .where(test_failures.c.failure_id.in_(ids[first : first + _MOST_IDS]))
                .values(resolved_at=at)
            )
