from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakehouse.formats.staged_file import RejectedRow
from lakehouse.lake.ledger import REJECTS_KEPT, Batch, Delivery
from lakehouse.lake.pending_files import pending_names
from lakehouse.lake.raw_lake import RawLake

A, B, C = "id,city\n1,Salta\n", "id,city\n2,Jujuy\n", "id,city\n3,Tilcara\n"
RECORD = """
    import sys, threading
    from datetime import UTC, datetime
    from lakehouse.lake.audit_database import audit_engine
    from lakehouse.lake.ledger import Delivery, Ledger
    from lakehouse.settings import load_settings
    now = datetime.now(UTC)
    print("up", flush=True)
    sys.stdin.readline()
    ledger = Ledger(audit_engine(load_settings()))
    def work(number):
        for turn in range(4):
            ledger.record(Delivery(
                "shop", "sales", f"{sys.argv[1]}-{number}-{turn}", 1, 1, "0", "r", "quarantined",
                None, 0, 0, 0, now, 0.0))
    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    print("done", flush=True)
"""


def make_delivery(**overrides) -> Delivery:
    values = {
        "source_name": "shop",
        "table_name": "sales",
        "file_name": "a.csv",
        "size": 1,
        "mtime_ns": 1,
        "sha256": "0" * 64,
        "reading_hash": "r",
        "status": "quarantined",
        "batch_id": None,
        "rows_delivered": 0,
        "rows_loaded": 0,
        "rows_rejected": 0,
        "started_at": datetime(2026, 1, 2, 3, 4, 5, 678, UTC),
        "seconds": 0.5,
    }
    return Delivery(**{**values, **overrides})


def make_batch(**overrides) -> Batch:
    values = {
        "batch_id": "b1",
        "source_name": "shop",
        "table_name": "sales",
        "content_key": "c1",
        "path": "shop/sales/b1.parquet",
        "sha256": "0" * 64,
        "schema_hash": "s",
        "rows_loaded": 1,
        "rows_rejected": 0,
        "bytes": 10,
        "extracted_at": datetime(2026, 1, 2, tzinfo=UTC),
    }
    return Batch(**{**values, **overrides})


def current(lake: RawLake, table) -> set[str]:
    return {batch.batch_id for batch in lake.ledger.current_batches([table])}


def test_of_a_snapshot_the_newest_delivery_counts_also_when_it_is_an_old_content(
    lake, make_table, deliver
):
    table = make_table(load="snapshot")
    first = deliver("a.csv", A, table)
    second = deliver("b.csv", B, table)
    assert current(lake, table) == {second.batch_id}
    third = deliver("c.csv", A, table)
    assert (third.status, third.batch_id) == ("known", first.batch_id)
    assert current(lake, table) == {first.batch_id}


def test_of_appended_files_each_counts_with_its_newest_content(lake, table, deliver):
    old = deliver("a.csv", A)
    other = deliver("b.csv", B)
    corrected = deliver("a.csv", C)
    assert current(lake, table) == {other.batch_id, corrected.batch_id}
    back = deliver("a.csv", A)
    assert back.batch_id == old.batch_id
    assert current(lake, table) == {other.batch_id, old.batch_id}


def test_a_copy_under_another_name_counts_once_even_after_the_first_name_is_corrected(
    lake, table, deliver
):
    first = deliver("a.csv", A)
    copy = deliver("copy.csv", A)
    assert (copy.status, copy.rows_loaded) == ("known", 1)
    assert current(lake, table) == {first.batch_id}
    corrected = deliver("a.csv", B)
    assert current(lake, table) == {first.batch_id, corrected.batch_id}
    replaced = deliver("copy.csv", C)
    assert current(lake, table) == {corrected.batch_id, replaced.batch_id}


def test_of_an_incremental_table_every_content_counts_in_the_order_of_its_newest_delivery(
    lake, make_table, deliver
):
    table = make_table(load="incremental", key=["id"], cursor="id")
    first, second = deliver("a.csv", A, table), deliver("b.csv", B, table)
    before = {b.batch_id: b.sequence for b in lake.ledger.current_batches([table])}
    assert before[first.batch_id] < before[second.batch_id]
    deliver("c.csv", A, table)
    after = {b.batch_id: b.sequence for b in lake.ledger.current_batches([table])}
    assert after[first.batch_id] > after[second.batch_id]


@pytest.mark.parametrize("load", ["append", "snapshot", "incremental"])
def test_a_batch_counts_since_the_first_of_its_deliveries_in_a_row(lake, make_table, deliver, load):
    table = make_table(load=load, key=["id"], cursor="id" if load == "incremental" else None)

    def since():
        return {b.batch_id: b.sequence for b in lake.ledger.current_batches([table])}

    first = deliver("a.csv", A, table)
    began = since()
    again = deliver("a.csv", A, table)
    assert (again.status, since()) == ("known", began)
    deliver("b.csv", B, table)
    came_back = deliver("a.csv", A, table)
    assert since()[first.batch_id] == came_back.delivery_id
    deliver("a.csv", A, table)
    assert since()[first.batch_id] == came_back.delivery_id


def test_equal_bytes_with_other_captured_groups_are_other_content(lake, make_table, deliver):
    table = make_table(regex=r"(?P<store>\w+)\.csv")
    north, south = deliver("north.csv", A, table), deliver("south.csv", A, table)
    assert (north.status, south.status) == ("loaded", "loaded")
    assert current(lake, table) == {north.batch_id, south.batch_id}


@pytest.mark.parametrize("load", ["append", "snapshot", "incremental"])
def test_content_read_again_under_another_contract_counts_once(lake, make_table, deliver, load):
    meta = {"load": load, "key": ["id"], "cursor": "id"}
    as_number = make_table(**meta)
    as_text = make_table(**meta, columns={"id": "varchar", "city": "varchar"})
    old = deliver("a.csv", A, as_number)
    new = deliver("again.csv", A, as_text)
    assert (new.status, new.batch_id != old.batch_id) == ("loaded", True)
    assert current(lake, as_text) == {new.batch_id}


@pytest.mark.parametrize("load", ["append", "snapshot"])
def test_a_quarantined_delivery_leaves_the_last_load_as_it_is(lake, make_table, deliver, load):
    table = make_table(load=load)
    good = deliver("a.csv", A, table)
    refused = deliver("a.csv", "id;city\n1;Salta\n", table)
    assert refused.status == "quarantined"
    assert current(lake, table) == {good.batch_id}
    assert [d.file_name for d in lake.ledger.open_quarantine(table)] == ["a.csv"]
    deliver("a.csv", B, table)
    assert lake.ledger.open_quarantine(table) == []


def test_every_delivery_balances(lake, table, deliver):
    deliver("a.csv", A)
    deliver("b.csv", "id,city\n1,Salta\nx,Jujuy\n")
    deliver("c.csv", "id,city\n" + "1,Salta\n" * 100 + "x,Jujuy\n" * 30)
    found = lake.ledger.newest_deliveries(table).values()
    assert [(d.rows_delivered, d.rows_loaded, d.rows_rejected) for d in found] == [
        (1, 1, 0),
        (2, 1, 1),
        (130, 0, 130),
    ]


def test_a_delivery_comes_back_as_it_was_recorded(lake, table):
    batch, delivery = make_batch(), make_delivery(status="loaded", batch_id="b1", reason="ñ 'x'")
    number = lake.ledger.record(delivery, new_batch=batch)
    assert lake.ledger.batch("b1") == batch
    assert lake.ledger.newest_deliveries(table) == {"a.csv": replace(delivery, delivery_id=number)}


def test_nothing_of_a_delivery_is_kept_when_its_transaction_fails(lake, table, monkeypatch):
    broken = [RejectedRow(1, "id", "bad", "x", "x"), RejectedRow(2, "id", None, "x", "x")]
    with pytest.raises(Exception, match="NOT NULL"):
        lake.ledger.record(make_delivery(batch_id="b1"), new_batch=make_batch(), rejects=broken)
    assert lake.ledger.batch("b1") is None
    assert lake.ledger.newest_deliveries(table) == {}


def test_moments_without_a_zone_are_refused(lake):
    with pytest.raises(Exception, match="no time zone"):
        lake.ledger.record(make_delivery(started_at=datetime(2026, 1, 2)))


def test_threads_and_processes_record_at_once(lake, table, start_python):
    children = [start_python(RECORD, number) for number in range(3)]
    for child in children:
        assert child.stdout.readline() == "up\n"
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    for child in children:
        out, err = child.communicate(timeout=60)
        assert (out, err) == ("done\n", "")
    assert len(lake.ledger.newest_deliveries(table)) == 36


def test_only_the_first_rejects_are_kept_in_the_ledger(lake, table, deliver, warehouse):
    bad = REJECTS_KEPT + 5
    lines = "1,good\n" * bad * 30 + "x,bad\n" * bad
    delivery = deliver("a.csv", "id,city\n" + lines)
    assert (delivery.status, delivery.rows_rejected) == ("loaded", bad)
    with warehouse(table) as connection:
        assert connection.execute("select count(*) from etl.rejected_rows").fetchone() == (
            REJECTS_KEPT,
        )


class Found:
    def __init__(self, delivery: Delivery) -> None:
        self.name, self.size, self.mtime_ns = (
            delivery.file_name,
            delivery.size,
            delivery.mtime_ns,
        )


def pending(lake: RawLake, table, delivery: Delivery) -> set[str]:
    known = lake.ledger.newest_deliveries(table)
    return pending_names([Found(delivery)], known, table, lake)


def test_a_loaded_file_is_work_again_only_when_its_batch_is_gone(lake, table, deliver, make_table):
    delivery = deliver("a.csv", A)
    assert pending(lake, table, delivery) == set()
    assert pending(lake, table, replace(delivery, size=99)) == {"a.csv"}
    assert pending(lake, table, replace(delivery, mtime_ns=99)) == {"a.csv"}
    lake.store.file_of(lake.ledger.batch(delivery.batch_id)).unlink()
    assert pending(lake, table, delivery) == {"a.csv"}


@pytest.mark.parametrize(
    "change",
    [{"min_row_share": 0}, {"max_reject_share": 1}, {"columns": {"id": "varchar"}}],
    ids=str,
)
def test_a_refused_file_is_work_again_when_contract_or_limits_change(
    lake, make_table, deliver, change
):
    table = make_table(load="snapshot")
    refused = deliver("a.csv", "id;city\n1;Salta\n", table)
    assert pending(lake, table, refused) == set()
    assert pending(lake, make_table(load="snapshot", **change), refused) == {"a.csv"}


def test_paths_in_the_ledger_do_not_depend_on_where_the_lake_lies(lake, deliver):
    batch = lake.ledger.batch(deliver("a.csv", A).batch_id)
    assert not Path(batch.path).is_absolute()
    assert batch.path.startswith("shop/sales/year=")
