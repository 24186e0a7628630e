"""The ledger: what was delivered, which batch holds it, and what is still work.

A batch is content in the lake; a delivery is the arrival of a file and points at a batch. The
same content may arrive many times and is stored once.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, func, insert, select

from lakehouse.formats.staged_file import EmptiedCell, RejectedRow
from lakehouse.lake.audit_schema import (
    batches,
    deliveries,
    quarantine_decisions,
    rejected_rows,
)
from lakehouse.source_catalog import Table

DeliveryStatus = Literal["loaded", "known", "quarantined"]
REJECTS_KEPT = 1000


@dataclass(frozen=True)
class Batch:
    """Content of one file as it lies in the lake; `path` is relative to the RAW root.

    Attributes:
        new_columns: those that the contract did not declare when it was loaded; None for none.
    """

    batch_id: str
    source_name: str
    table_name: str
    content_key: str
    path: str
    sha256: str
    schema_hash: str
    rows_loaded: int
    rows_rejected: int
    bytes: int
    extracted_at: datetime
    cursor_value: str | None = None
    new_columns: list[str] | None = None


@dataclass(frozen=True)
class Delivery:
    """Arrival of a file; `delivery_id` grows with every arrival.

    Attributes:
        reading_hash: the table's `reading_hash` then; its `judgement_hash` if it was refused.
        load: of the table then; None for deliveries of older versions.
        refused_as: `ErrorType` of a refused delivery; None for those of older versions.
    """

    source_name: str
    table_name: str
    file_name: str
    size: int
    mtime_ns: int
    sha256: str
    reading_hash: str
    status: DeliveryStatus
    batch_id: str | None
    rows_delivered: int
    rows_loaded: int
    rows_rejected: int
    started_at: datetime
    seconds: float
    reason: str | None = None
    run_id: str | None = None
    load: str | None = None
    refused_as: str | None = None
    delivery_id: int | None = None


@dataclass(frozen=True)
class CurrentBatch:
    """A batch that counts.

    Attributes:
        sequence: number of the delivery since which it counts as it does: its newest, or the first
            of those that brought it again and again with no other of the table between them.
    """

    source_name: str
    table_name: str
    batch_id: str
    sequence: int


class Ledger:
    """Reads and writes of the ledger; every write is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def newest_deliveries(self, table: Table) -> dict[str, Delivery]:
        """The newest delivery of each file name of a table."""
        newest = (
            select(func.max(deliveries.c.delivery_id))
            .where(*_of(table))
            .group_by(deliveries.c.file_name)
        )
        query = select(deliveries).where(deliveries.c.delivery_id.in_(newest))
        with self.engine.connect() as connection:
            return {row.file_name: _delivery(row) for row in connection.execute(query)}

    def batch(self, batch_id: str) -> Batch | None:
        """Find a batch by its id."""
        query = select(batches).where(batches.c.batch_id == batch_id)
        with self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return Batch(**row._mapping) if row else None

    def batches_of(self, source: str, table: str) -> list[Batch]:
        """Every batch of a table."""
        query = select(batches).where(
            batches.c.source_name == source, batches.c.table_name == table
        )
        with self.engine.connect() as connection:
            return [Batch(**row._mapping) for row in connection.execute(query)]

    def newest_load(self, table: Table) -> Delivery | None:
        """The newest delivery of a table that is in the lake."""
        query = (
            select(deliveries)
            .where(*_of(table), deliveries.c.status != "quarantined")
            .order_by(deliveries.c.delivery_id.desc())
            .limit(1)
        )
        with self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return _delivery(row) if row else None

    def deliveries_since(self, table: Table, moment: datetime | None) -> list[Delivery]:
        """Deliveries of a table that began after a moment, in their order; None takes all."""
        query = select(deliveries).where(*_of(table)).order_by(deliveries.c.delivery_id)
        if moment is not None:
            query = query.where(deliveries.c.started_at > moment)
        with self.engine.connect() as connection:
            return [_delivery(row) for row in connection.execute(query)]

    def refused_rows(self, delivery_ids: Collection[int], most: int) -> list[tuple[Any, ...]]:
        """Refused rows of deliveries: file, line, column, reason, whether the row was loaded.

        Args:
            delivery_ids: whose rows.
            most: how many at most, in the order of the deliveries and lines.
        """
        query = (
            select(
                deliveries.c.file_name,
                rejected_rows.c.source_line,
                rejected_rows.c.column_name,
                rejected_rows.c.reason,
                rejected_rows.c.row_loaded,
            )
            .join(rejected_rows, rejected_rows.c.delivery_id == deliveries.c.delivery_id)
            .where(deliveries.c.delivery_id.in_(delivery_ids))
            .order_by(rejected_rows.c.rejected_row_id)
            .limit(most)
        )
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def rows_in(self, table: Table) -> int:
        """Rows of the batches of a table that count."""
        ids = {batch.batch_id for batch in self.current_batches([table])}
        query = select(batches.c.batch_id, batches.c.rows_loaded).where(
            batches.c.source_name == table.source, batches.c.table_name == table.name
        )
        with self.engine.connect() as connection:
            return sum(row.rows_loaded for row in connection.execute(query) if row.batch_id in ids)

    def cursor(self, table: Table) -> str | None:
        """The greatest cursor value loaded, as text; None before the first load.

        Only loads under the present contract count: after a change of it everything is read once
        more, also what the old one refused.
        """
        query = (
            select(batches.c.cursor_value)
            .join(deliveries, deliveries.c.batch_id == batches.c.batch_id)
            .where(
                *_of(table),
                batches.c.cursor_value.is_not(None),
                deliveries.c.reading_hash == table.reading_hash,
            )
            .order_by(deliveries.c.delivery_id.desc())
            .limit(1)
        )
        with self.engine.connect() as connection:
            return connection.execute(query).scalar_one_or_none()

    def record(
        self,
        delivery: Delivery,
        *,
        new_batch: Batch | None = None,
        rejects: Sequence[RejectedRow] = (),
        emptied: Sequence[EmptiedCell] = (),
        guard: Callable[[Connection], None] = lambda _: None,
    ) -> int:
        """Commit a delivery, with its batch when the content is new, and its first faults.

        Args:
            delivery: without its number.
            new_batch: the content, if it is new.
            rejects: rows that were refused.
            emptied: cells that were emptied.
            guard: called in the transaction; what it raises keeps it from being committed.

        Returns:
            The number of the delivery.
        """
        values = {name: value for name, value in vars(delivery).items() if name != "delivery_id"}
        with self.engine.begin() as connection:
            guard(connection)
            if new_batch:
                connection.execute(insert(batches).values(**vars(new_batch)))
            result = connection.execute(insert(deliveries).values(**values))
            number = int(result.inserted_primary_key[0])  # type: ignore[index]
            faults = [
                (reject.line, reject.column, reject.reason, False)
                for reject in rejects[:REJECTS_KEPT]
            ]
            faults += [(None, cell.column, cell.reason, True) for cell in emptied[:REJECTS_KEPT]]
            if faults:
                names = ("source_line", "column_name", "reason", "row_loaded")
                connection.execute(
                    insert(rejected_rows),
                    [{"delivery_id": number, **dict(zip(names, f, strict=True))} for f in faults],
                )
        return number

    def current_batches(self, tables: Iterable[Table]) -> list[CurrentBatch]:
        """The batches that count, by the load of each table.

        append: the newest content of every file, the same content once. snapshot: the newest
        delivery. incremental: every content once, as it was read last, since the table is read
        so; which rows count is decided key by key.
        """
        current: list[CurrentBatch] = []
        for table in tables:
            rows = self._loaded(table)
            since = _first_in_a_row(rows)
            if table.meta.load == "snapshot":
                rows = rows[:1]
            elif table.meta.load == "append":
                rows = _newest_by(rows, "file_name")
            else:
                # A whole table holds rows that were deleted since.
                rows = [row for row in rows if row.load != "snapshot"]
            current += [
                CurrentBatch(table.source, table.name, row.batch_id, since[row.delivery_id])
                for row in _newest_by(rows, "content_key")
            ]
        return current

    def open_quarantine(self, table: Table) -> list[Delivery]:
        """Files whose newest delivery was refused, and about which nothing was decided."""
        decided = self.decided(table)
        return [
            delivery
            for delivery in self.newest_deliveries(table).values()
            if delivery.status == "quarantined" and delivery.delivery_id not in decided
        ]

    def decided(self, table: Table) -> set[int]:
        """Numbers of refused deliveries of a table that were discarded or replayed."""
        query = (
            select(quarantine_decisions.c.delivery_id)
            .join(deliveries, deliveries.c.delivery_id == quarantine_decisions.c.delivery_id)
            .where(*_of(table))
        )
        with self.engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def _loaded(self, table: Table) -> list[Row[Any]]:
        query = (
            select(
                deliveries.c.delivery_id,
                deliveries.c.file_name,
                deliveries.c.batch_id,
                deliveries.c.load,
                batches.c.content_key,
            )
            .join(batches, batches.c.batch_id == deliveries.c.batch_id)
            .where(*_of(table), deliveries.c.status != "quarantined")
            .order_by(deliveries.c.delivery_id.desc())
        )
        with self.engine.connect() as connection:
            return list(connection.execute(query))


def _first_in_a_row(rows: Sequence[Row[Any]]) -> dict[int, int]:
    """By delivery, the first of the deliveries of its batch that follow one another."""
    since: dict[int, int] = {}
    for _, same in groupby(reversed(rows), key=lambda row: row.batch_id):
        numbers = [row.delivery_id for row in same]
        since |= dict.fromkeys(numbers, numbers[0])
    return since


def _newest_by(rows: Iterable[Row[Any]], field: str) -> list[Row[Any]]:
    seen: dict[object, Row[Any]] = {}
    for row in rows:
        seen.setdefault(getattr(row, field), row)
    return list(seen.values())


def _of(table: Table):  # type: ignore[no-untyped-def]
    return deliveries.c.source_name == table.source, deliveries.c.table_name == table.name


def _delivery(row: Row[tuple[object, ...]]) -> Delivery:
    return Delivery(**row._mapping)
