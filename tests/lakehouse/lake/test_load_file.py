from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import delete

from lakehouse.errors import DeliveryMoving, ResourcesExhausted
from lakehouse.formats.content_profile import profile_content
from lakehouse.lake import load_delivery as load_delivery_module
from lakehouse.lake import load_file as load_file_module
from lakehouse.lake.audit_schema import batches, deliveries
from lakehouse.lake.load_file import load_file

SALES = {"id": "integer", "day": "date", "price": "decimal(10,2)", "city": "varchar"}
GOOD = "id,day,price,city\n1,2026-01-31,850.50,Salta\n2,,,\n"


def rows_of(connection: duckdb.DuckDBPyConnection, columns: str = "*") -> list[tuple]:
    return connection.execute(f"select {columns} from raw.sales order by all").fetchall()


def everything(root: Path) -> set[str]:
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and path.name != "writer.lock"
    }


def test_a_file_is_loaded_with_its_lines_its_name_and_its_moment(
    make_table, deliver, warehouse, lake
):
    table = make_table(columns=SALES)
    before = datetime.now(UTC)
    delivery = deliver("sales.csv", GOOD, table)
    assert (delivery.status, delivery.rows_delivered, delivery.rows_loaded) == ("loaded", 2, 2)
    with warehouse(table) as connection:
        assert rows_of(connection, "id, day::varchar, price::varchar, city, _source_line") == [
            (1, "2026-01-31", "850.50", "Salta", 2),
            (2, None, None, None, 3),
        ]
        batch, at, name = rows_of(connection, "_batch_id, _extracted_at, _source_file")[0]
    assert (batch, name) == (delivery.batch_id, "sales.csv")
    assert before <= at <= datetime.now(UTC)
    assert everything(lake.settings.raw) == {lake.ledger.batch(batch).path}


def test_the_same_content_twice_is_stored_once(table, deliver, warehouse, lake):
    first = deliver("a.csv", "id,city\n1,Salta\n")
    second = deliver("a.csv", "id,city\n1,Salta\n")
    assert (second.status, second.batch_id) == ("known", first.batch_id)
    assert len(everything(lake.settings.raw)) == 1
    with warehouse(table) as connection:
        assert rows_of(connection, "id") == [(1,)]


def test_a_moment_before_midnight_in_utc_decides_the_folder(deliver, lake, monkeypatch):
    class Late(datetime):
        @classmethod
        def now(cls, tz=None):  # noqa: ARG003
            return datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)

    monkeypatch.setattr(load_file_module, "datetime", Late)
    delivery = deliver("a.csv", "id,city\n1,Salta\n")
    assert lake.ledger.batch(delivery.batch_id).path == (
        f"shop/sales/year=2026/month=12/day=31/{delivery.batch_id}.parquet"
    )


@pytest.mark.parametrize("bad", ["", "x,bad\n", "x;bad\n" * 30])
@pytest.mark.parametrize("step", ["stage", "write_batch"])
def test_a_file_that_changes_while_it_is_read_leaves_nothing(
    table, landing, lake, settings, put, monkeypatch, step, bad
):
    found = put("a.csv", "id,city\n1,Salta\n" + bad)
    module = load_delivery_module if step == "write_batch" else load_file_module
    name = "stage_file" if step == "stage" else step
    real = getattr(module, name)

    def disturbed(*args, **kwargs):
        with (landing / "a.csv").open("a") as file:
            file.write("2,Jujuy\n")
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, disturbed)
    with pytest.raises(DeliveryMoving, match=r"a\.csv"):
        load_file(landing, found, table, lake)
    assert lake.ledger.newest_deliveries(table) == {}
    assert everything(lake.settings.raw) == set()
    assert not settings.quarantine.exists() or everything(settings.quarantine) == set()
    assert not settings.scratch.exists() or everything(settings.scratch) == set()


def test_a_file_that_changes_while_it_is_quarantined_is_not_kept_half(
    table, landing, lake, settings, put, monkeypatch
):
    found = put("a.csv", "city\nSalta\n")
    real = load_file_module.keep_original

    def disturbed(*args, **kwargs):
        (landing / "a.csv").write_text("another")
        return real(*args, **kwargs)

    monkeypatch.setattr(load_file_module, "keep_original", disturbed)
    with pytest.raises(DeliveryMoving):
        load_file(landing, found, table, lake)
    assert everything(settings.quarantine) == set()
    assert lake.ledger.newest_deliveries(table) == {}


@pytest.mark.parametrize("early", [True, False], ids=["before", "with its profile"])
def test_a_file_that_goes_away_is_moving(table, landing, lake, put, early):
    found = put("a.csv", "id,city\n1,Salta\n")
    profile = None if early else profile_content(landing / "a.csv")
    (landing / "a.csv").unlink()
    with pytest.raises(DeliveryMoving, match="is gone"):
        load_file(landing, found, table, lake, profile=profile)
    assert lake.ledger.newest_deliveries(table) == {}


def test_a_known_file_that_changed_meanwhile_is_not_recorded(table, landing, lake, deliver, put):
    deliver("a.csv", "id,city\n1,Salta\n")
    found = put("b.csv", "id,city\n1,Salta\n")
    profile = profile_content(landing / "b.csv")
    (landing / "b.csv").write_text("id,city\n1,Salta\n2,Jujuy\n")
    with pytest.raises(DeliveryMoving):
        load_file(landing, found, table, lake, profile=profile)
    assert set(lake.ledger.newest_deliveries(table)) == {"a.csv"}


def test_a_batch_that_was_deleted_by_hand_is_restored_by_the_next_load(
    table, deliver, warehouse, lake
):
    first = deliver("a.csv", "id,city\n1,Salta\nx,bad\n")
    path = lake.store.file_of(lake.ledger.batch(first.batch_id))
    path.unlink()
    again = deliver("a.csv", "id,city\n1,Salta\nx,bad\n")
    assert (again.status, again.batch_id) == ("loaded", first.batch_id)
    assert path.is_file()
    with warehouse(table) as connection:
        assert rows_of(connection, "id, _source_line") == [(1, 2)]


def test_a_lake_whose_audit_database_was_lost_counts_every_row_once(
    table, deliver, warehouse, lake, monkeypatch
):
    class Early(datetime):
        @classmethod
        def now(cls, tz=None):  # noqa: ARG003
            return datetime(2026, 1, 1, tzinfo=UTC)

    with monkeypatch.context() as then:
        then.setattr(load_file_module, "datetime", Early)
        deliver("a.csv", "id,city\n1,Salta\n")
    with lake.ledger.engine.begin() as books:
        books.execute(delete(deliveries))
        books.execute(delete(batches))
    assert deliver("a.csv", "id,city\n1,Salta\n").status == "loaded"
    assert len(everything(lake.settings.raw)) == 1
    with warehouse(table) as connection:
        assert rows_of(connection, "id") == [(1,)]


@pytest.mark.parametrize("failing", ["write_batch", "keep_rejects", "refuse_bad_rows"])
def test_a_fault_on_the_way_leaves_no_temporary_file(
    table, landing, lake, settings, put, monkeypatch, failing
):
    def broken(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(load_delivery_module, failing, broken)
    found = put("a.csv", "id,city\n1,Salta\nx,bad\n")
    with pytest.raises(ResourcesExhausted, match=r"sales, file a\.csv: No space"):
        load_file(landing, found, table, lake)
    assert everything(lake.settings.raw) == set()
    assert everything(settings.scratch) == set()


def test_leftovers_of_a_dead_load_are_cleared_from_scratch(table, deliver, settings):
    old = settings.scratch / "shop" / "sales" / "staged-dead.parquet"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"half")
    deliver("a.csv", "id,city\n1,Salta\n")
    assert not old.exists()


def test_a_disk_that_is_full_loads_nothing_and_says_what_to_do(
    table, put, landing, lake, settings, start_python
):
    put("a.csv", "id,city\n" + "".join(f"{n},{n * 7919 % 100_003}x\n" for n in range(60_000)))
    child = start_python(
        """
        import resource, sys
        from pathlib import Path
        from lakehouse.connectors.folder import find_files
        from lakehouse.errors import ResourcesExhausted
        from lakehouse.lake.load_file import load_file
        from lakehouse.lake.raw_lake import RawLake
        from lakehouse.settings import load_settings
        from lakehouse.source_catalog import Table
        table = Table.model_validate_json(sys.argv[2])
        lake = RawLake.of(load_settings())
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
        (found,) = find_files(Path(sys.argv[1]), table)
        try:
            load_file(Path(sys.argv[1]), found, table, lake)
        except ResourcesExhausted as error:
            print(error)
        """,
        landing,
        table.model_dump_json(),
        200_000,
    )
    out, err = child.communicate(timeout=60)
    assert err == ""
    assert "a.csv" in out
    assert "disk" in out
    assert everything(lake.settings.raw) == set()
    assert everything(settings.scratch) == set()
    assert lake.ledger.newest_deliveries(table) == {}


def test_memory_that_does_not_suffice_is_not_the_file_s_fault(
    table, put, landing, lake, monkeypatch
):
    def starved(*_args, **_kwargs):
        raise duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block")

    monkeypatch.setattr("lakehouse.lake.batch_writer._count", starved)
    with pytest.raises(ResourcesExhausted, match="ALJIBE_DUCKDB_MEMORY"):
        load_file(landing, put("a.csv", "id,city\n1,Salta\n"), table, lake)
    assert lake.ledger.open_quarantine(table) == []
