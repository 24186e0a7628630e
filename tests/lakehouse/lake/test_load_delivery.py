"""Deliveries of several parts, parts with types of their own, and cells that are emptied."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from lakehouse.connectors.folder import FoundFile
from lakehouse.formats.staged_file import RejectedRow, StagedFile
from lakehouse.lake.arrival import Arrival
from lakehouse.lake.audit_schema import rejected_rows
from lakehouse.lake.load_delivery import load_delivery
from lakehouse.source_catalog import Table


@dataclass
class Parts:
    """Content that was staged beforehand."""

    stage_parts: Callable[[Path], Sequence[StagedFile]]
    kept: list[str] = field(default_factory=list)

    def assert_unchanged(self) -> None:
        """Never changes."""

    def stage(self, scratch: Path) -> Sequence[StagedFile]:
        """Write the parts."""
        return self.stage_parts(scratch)

    def keep(self, kept: Path, reason: str) -> None:  # noqa: ARG002
        """Remember why."""
        self.kept.append(reason)


def part(scratch: Path, columns: dict[str, pa.Array], **fields) -> StagedFile:
    path = scratch / f"part-{len(list(scratch.iterdir()))}.parquet"
    table = pa.table(columns)
    pq.write_table(table, path)
    header = tuple(name for name in columns if name != "line")
    return StagedFile(path, header, table.num_rows, **fields)


@pytest.fixture
def deliver_parts(lake):
    def run(table: Table, stage, sha256: str = "a" * 64, **fields):
        found = FoundFile("lote", 1, 1)
        arrival = Arrival.of(table, found, sha256, datetime.now(UTC), 0.0, None, **fields)
        content = Parts(stage)
        return load_delivery(arrival, content, lake), content

    return run


def loaded(lake, delivery, query: str) -> list[tuple]:
    path = lake.store.file_of(lake.ledger.batch(delivery.batch_id))
    return duckdb.sql(query.format(raw=f"'{path}'")).fetchall()


def database_table(make_table, columns, **database) -> Table:
    table = make_table(load="snapshot", key=["id"], columns=columns)
    meta = table.meta.model_copy(update={"pattern": None})
    values = {**table.model_dump(), "connector": "database", "meta": meta.model_dump()}
    values["meta"]["database"] = database
    return Table.model_validate(values)


def test_parts_with_other_columns_become_one_batch_with_their_own_names(
    lake, make_table, deliver_parts
):
    table = make_table(columns={"id": "integer", "city": "varchar"})

    def stage(scratch):
        one = part(scratch, {"id": pa.array(["1"]), "city": pa.array(["Salta"])}, name="z/a.csv")
        two = part(scratch, {"new": pa.array(["x"]), "id": pa.array(["2"])}, name="z/b.csv")
        return [one, two]

    delivery, _ = deliver_parts(table, stage)
    assert (delivery.rows_loaded, delivery.status) == (2, "loaded")
    rows = loaded(lake, delivery, "select id, city, new, _source_file from {raw} order by id")
    assert rows == [(1, "Salta", None, "z/a.csv"), (2, None, "x", "z/b.csv")]


def test_rejects_of_every_part_count(lake, make_table, deliver_parts):
    refused = RejectedRow(7, None, "unreadable", None, "raw")

    def stage(scratch):
        one = part(scratch, {"id": pa.array(["1", "x"])}, rejects=(refused,))
        return [one, part(scratch, {"id": pa.array(["2", "y"])})]

    delivery, _ = deliver_parts(make_table(columns={"id": "integer"}), stage)
    assert (delivery.rows_delivered, delivery.rows_loaded, delivery.rows_rejected) == (5, 2, 3)


def test_lines_may_come_with_the_rows(lake, make_table, deliver_parts):
    def stage(scratch):
        cells = {"id": pa.array(["1", "x", "3"]), "line": pa.array([4, 9, 12], pa.int64())}
        return [part(scratch, cells, has_lines=True)]

    delivery, _ = deliver_parts(make_table(columns={"id": "integer"}), stage)
    assert loaded(lake, delivery, "select id, _source_line from {raw}") == [(1, 4), (3, 12)]
    with lake.ledger.engine.connect() as books:
        assert books.execute(select(rejected_rows.c.source_line)).scalars().all() == [9]


@pytest.mark.parametrize(
    ("staged", "declared", "value"),
    [
        (pa.array([Decimal("1.10")], pa.decimal128(14, 2)), "decimal(12,2)", Decimal("1.10")),
        (pa.array([5], pa.int64()), "integer", 5),
        (pa.array([2**64 - 1], pa.uint64()), "ubigint", 2**64 - 1),
        (pa.array([5], pa.int8()), "varchar", "5"),
        (pa.array([date(2024, 2, 29)]), "date", date(2024, 2, 29)),
        (pa.array([1.5], pa.float64()), "decimal(4,1)", Decimal("1.5")),
    ],
)
def test_values_are_cast_to_their_declared_type(
    lake, make_table, deliver_parts, staged, declared, value
):
    delivery, _ = deliver_parts(
        make_table(columns={"id": declared}), lambda scratch: [part(scratch, {"id": staged})]
    )
    assert loaded(lake, delivery, "select id from {raw}") == [(value,)]


@pytest.mark.parametrize(
    ("staged", "declared"),
    [
        (pa.array([2**40, 1], pa.int64()), "integer"),
        (pa.array([Decimal("1.005"), Decimal(1)], pa.decimal128(14, 3)), "decimal(12,2)"),
        (pa.array([1.25, 1.0], pa.float64()), "decimal(4,1)"),
        (pa.array([1.5, 1.0], pa.float64()), "integer"),
        (pa.array([datetime(2024, 1, 1, 10), datetime(2024, 1, 1)]), "date"),
    ],
)
def test_a_value_that_would_lose_something_is_refused_with_its_row(
    lake, make_table, deliver_parts, staged, declared
):
    delivery, _ = deliver_parts(
        make_table(columns={"id": declared}), lambda scratch: [part(scratch, {"id": staged})]
    )
    assert (delivery.rows_loaded, delivery.rows_rejected) == (1, 1)


def zero_dates(scratch: Path) -> list[StagedFile]:
    cells = {
        "id": pa.array([1, 2, 3], pa.int32()),
        "born": pa.array(["2024-01-31", "0000-00-00", None]),
        "seen": pa.array(["2024-01-31 10:00:00.000001", "2024-02-31 00:00:00", None]),
    }
    return [part(scratch, cells, is_canonical=True)]


DATED = {"id": "integer", "born": "date", "seen": "timestamp"}


def test_a_date_that_does_not_exist_empties_its_cell_and_is_said(lake, make_table, deliver_parts):
    table = database_table(make_table, DATED)
    delivery, _ = deliver_parts(table, zero_dates, cursor_value="3")
    assert (delivery.rows_delivered, delivery.rows_loaded) == (3, 3)
    rows = loaded(lake, delivery, "select id, born, seen from {raw} order by id")
    assert rows == [
        (1, date(2024, 1, 31), datetime(2024, 1, 31, 10, 0, 0, 1)),
        (2, None, None),
        (3, None, None),
    ]
    assert "2 cells of born, seen hold dates or numbers that do not exist" in delivery.reason
    columns = (rejected_rows.c.column_name, rejected_rows.c.reason, rejected_rows.c.row_loaded)
    with lake.ledger.engine.connect() as books:
        assert books.execute(select(*columns)).all() == [
            ("born", "0000-00-00 does not exist, so the cell is NULL (id 2)", True),
            ("seen", "2024-02-31 00:00:00 does not exist, so the cell is NULL (id 2)", True),
        ]
    assert lake.ledger.cursor(table) == "3"


def test_the_policy_fail_refuses_the_delivery(lake, make_table, deliver_parts):
    table = database_table(make_table, DATED, invalid_dates="fail")
    delivery, content = deliver_parts(table, zero_dates)
    assert (delivery.status, delivery.rows_loaded) == ("quarantined", 0)
    assert "2 dates or numbers do not exist, first: column born" in content.kept[0]


@pytest.mark.parametrize("text", ["05/12/2023", "pendiente", "2024-01-31 10:30:00"])
def test_text_that_is_no_date_at_all_refuses_its_row(lake, make_table, deliver_parts, text):
    table = database_table(make_table, {"id": "integer", "born": "date"})

    def stage(scratch):
        cells = {"id": pa.array([1, 2], pa.int32()), "born": pa.array(["2024-01-31", text])}
        return [part(scratch, cells, is_canonical=True)]

    delivery, _ = deliver_parts(table, stage)
    assert (delivery.rows_loaded, delivery.rows_rejected) == (1, 1)


def test_of_a_delivery_that_is_refused_only_the_first_rows_are_held_in_memory(
    lake, make_table, deliver_parts, monkeypatch
):
    monkeypatch.setattr("lakehouse.lake.batch_writer.REFUSED_SHOWN", 5)

    def stage(scratch):
        return [part(scratch, {"id": pa.array([str(n) for n in range(100)] + ["x"] * 100)})]

    delivery, content = deliver_parts(make_table(columns={"id": "integer"}), stage)
    assert (delivery.status, delivery.rows_delivered) == ("quarantined", 200)
    assert "100 of 200 rows of lote are refused" in content.kept[0]
    (kept,) = lake.settings.quarantine.rglob("rejects.parquet")
    assert duckdb.sql(f"select count(*) from '{kept}'").fetchone() == (5,)


def test_rows_deleted_before_a_table_became_incremental_stay_deleted(
    lake, make_table, deliver_parts
):
    whole = database_table(make_table, {"id": "integer"})
    later = whole.model_copy(
        update={"meta": whole.meta.model_copy(update={"load": "incremental", "cursor": "id"})}
    )

    def stage(*ids: int):
        return lambda scratch: [part(scratch, {"id": pa.array(ids, pa.int32())})]

    deliver_parts(whole, stage(1, 2, 3), "1" * 64)
    deliver_parts(whole, stage(2, 3), "2" * 64)
    assert lake.ledger.cursor(later) is None
    newest, _ = deliver_parts(later, stage(2, 3), "3" * 64, cursor_value="3")
    current = lake.ledger.current_batches([later])
    assert [batch.batch_id for batch in current] == [newest.batch_id]
    assert lake.ledger.cursor(later) == "3"


def test_a_cursor_of_another_column_or_relation_says_nothing(lake, make_table, deliver_parts):
    table = database_table(make_table, {"id": "integer", "n": "integer"})
    by_id = table.model_copy(
        update={"meta": table.meta.model_copy(update={"load": "incremental", "cursor": "id"})}
    )
    by_n = by_id.model_copy(update={"meta": by_id.meta.model_copy(update={"cursor": "n"})})

    def stage(scratch):
        return [part(scratch, {name: pa.array([9], pa.int32()) for name in ("id", "n")})]

    deliver_parts(by_id, stage, cursor_value="9")
    assert lake.ledger.cursor(by_id) == "9"
    assert lake.ledger.cursor(by_n) is None
