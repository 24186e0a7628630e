import threading
from pathlib import Path

import duckdb
import pytest
from pydantic import SecretStr

from lakehouse.connectors.folder import find_files
from lakehouse.errors import LakeDamaged, TransientError, WarehouseUnusable
from lakehouse.lake import folder_batches
from lakehouse.lake.load_file import load_file
from lakehouse.lake.pending_files import pending_names
from lakehouse.lake.raw_lake import RawLake
from lakehouse.lake.raw_views import register_raw
from lakehouse.settings import Settings
from lakehouse.source_catalog import Catalog

METADATA = [
    ("_batch_id", "VARCHAR"),
    ("_extracted_at", "TIMESTAMP WITH TIME ZONE"),
    ("_source_file", "VARCHAR"),
    ("_source_line", "BIGINT"),
]
TYPES = {
    "a": "varchar",
    "b": "smallint",
    "c": "bigint",
    "d": "decimal(12,3)",
    "e": "double",
    "f": "boolean",
    "g": "date",
    "h": "timestamp",
}


def columns_of(connection: duckdb.DuckDBPyConnection, name: str = "raw.sales") -> list[tuple]:
    return [row[:2] for row in connection.execute(f"describe {name}").fetchall()]


def test_a_table_without_deliveries_is_an_empty_view_of_the_declared_types(make_table, warehouse):
    table = make_table(columns=TYPES, regex=r"(?P<shop>.*)\.csv")
    with warehouse(table) as connection:
        assert columns_of(connection) == [
            ("a", "VARCHAR"),
            ("b", "SMALLINT"),
            ("c", "BIGINT"),
            ("d", "DECIMAL(12,3)"),
            ("e", "DOUBLE"),
            ("f", "BOOLEAN"),
            ("g", "DATE"),
            ("h", "TIMESTAMP"),
            ("shop", "VARCHAR"),
            *METADATA,
        ]
        assert connection.execute("select * from raw.sales").fetchall() == []
        for log in ("current_batches", "load_log", "rejected_rows", "error_log"):
            assert connection.execute(f"select count(*) from etl.{log}").fetchone() == (0,)


def test_types_are_the_same_before_and_after_the_first_delivery(make_table, deliver, warehouse):
    table = make_table(columns=TYPES)
    with warehouse(table) as connection:
        before = columns_of(connection)
    deliver("a.csv", ",".join(TYPES) + "\n,,,,,,,x\n" + ",,,,,,,\n" * 30, table)
    deliver(
        "b.csv", ",".join(TYPES) + "\nx,1,2,3.5,4.5,true,2026-01-02,2026-01-02 03:04:05\n", table
    )
    with warehouse(table) as connection:
        assert columns_of(connection) == before


def test_a_column_that_is_empty_one_day_and_text_the_next_stays_text(table, deliver, warehouse):
    deliver("a.csv", "id,city,note\n1,,\n2,,\n")
    deliver("b.csv", "id,city,note\n3,Salta,late\n")
    with warehouse(table) as connection:
        assert connection.execute("select city, note from raw.sales order by id").fetchall() == [
            (None, None),
            (None, None),
            ("Salta", "late"),
        ]


def test_a_new_column_of_a_later_file_comes_last_and_is_null_in_old_rows(table, deliver, warehouse):
    deliver("a.csv", "id,city\n1,Salta\n")
    deliver("b.csv", "zone,id,city\nnorth,2,Jujuy\n")
    with warehouse(table) as connection:
        assert columns_of(connection)[-1] == ("zone", "VARCHAR")
        assert connection.execute("select id, zone from raw.sales order by id").fetchall() == [
            (1, None),
            (2, "north"),
        ]


def test_new_columns_that_differ_in_letters_only_are_one(table, deliver, warehouse):
    deliver("a.csv", "id,city,Zone\n1,Salta,n\n")
    deliver("b.csv", "id,city,zone\n2,Jujuy,s\n")
    with warehouse(table) as connection:
        assert connection.execute("select zone from raw.sales order by id").fetchall() == [
            ("n",),
            ("s",),
        ]


def test_a_column_that_is_declared_later_has_its_type_over_old_files(
    make_table, deliver, warehouse
):
    deliver("a.csv", "id,city,price\n1,Salta,12.50\n")
    later = make_table(columns={"id": "integer", "city": "varchar", "price": "decimal(9,2)"})
    deliver("b.csv", "id,city,price\n2,Jujuy,7\n", later)
    with warehouse(later) as connection:
        assert ("price", "DECIMAL(9,2)") in columns_of(connection)
        assert connection.execute("select sum(price)::varchar from raw.sales").fetchone() == (
            "19.50",
        )


def test_a_declared_column_that_no_file_has_yet_is_null(make_table, deliver, warehouse):
    deliver("a.csv", "id,city\n1,Salta\n")
    later = make_table(columns={"id": "integer", "city": "varchar", "day": "date"})
    with warehouse(later) as connection:
        assert connection.execute("select id, day from raw.sales").fetchall() == [(1, None)]


def test_columns_named_like_partitions_keep_what_was_delivered(make_table, deliver, warehouse):
    table = make_table(columns={"year": "integer", "Month": "varchar"})
    deliver("a.csv", "year,Month,day\n1999,ene,07\n", table)
    with warehouse(table) as connection:
        assert connection.execute('select year, "Month", day from raw.sales').fetchall() == [
            (1999, "ene", "07")
        ]


@pytest.mark.parametrize(
    ("old", "value", "new"),
    [
        ("varchar", "1.234,5", "decimal(9,2)"),
        ("decimal(9,2)", "1.5", "date"),
        ("varchar", "x", "integer"),
    ],
)
def test_values_that_do_not_fit_a_changed_contract_stop_the_run_until_they_come_again(
    make_table, deliver, warehouse, old, value, new
):
    first = make_table(columns={"id": "integer", "v": old})
    deliver("a.csv", f'id,v\n1,"{value}"\n', first)
    changed = make_table(columns={"id": "integer", "v": new})
    with pytest.raises(LakeDamaged, match=r"shop\.sales, column v: 1 values.*a\.csv.*sources\.yml"):
        warehouse(changed)
    with warehouse(first) as connection:
        assert connection.execute("select count(*) from raw.sales").fetchone() == (1,)
    deliver("a.csv", "id,v\n1,\n", changed)
    with warehouse(changed) as connection:
        assert connection.execute(
            "select id, v from raw.sales join etl.current_batches on batch_id = _batch_id"
        ).fetchall() == [(1, None)]


def test_a_file_that_is_no_parquet_is_named(table, deliver, warehouse, lake):
    delivery = deliver("a.csv", "id,city\n1,Salta\n")
    lake.store.file_of(lake.ledger.batch(delivery.batch_id)).write_bytes(b"torn")
    with pytest.raises(LakeDamaged, match=delivery.batch_id):
        warehouse(table)


def test_a_stray_temporary_file_is_not_read(table, deliver, warehouse, lake):
    delivery = deliver("a.csv", "id,city\n1,Salta\n")
    final = lake.store.file_of(lake.ledger.batch(delivery.batch_id))
    with warehouse(table) as connection:
        (final.parent / "x.parquet.tmp").write_bytes(b"half")
        assert connection.execute("select count(*) from raw.sales").fetchone() == (1,)


def test_a_view_stays_valid_when_a_later_file_brings_a_column(table, deliver, warehouse):
    deliver("a.csv", "id,city\n1,Salta\n")
    with warehouse(table) as connection:
        deliver("b.csv", "id,city,zone\n2,Jujuy,north\n")
        assert connection.execute("select * exclude (_extracted_at) from raw.sales").fetchall()
        assert connection.execute("select count(*) from raw.sales").fetchone() == (2,)


def test_a_batch_that_counts_and_is_not_in_the_lake_stops_the_run(table, deliver, warehouse, lake):
    delivery = deliver("a.csv", "id,city\n1,Salta\n")
    lake.store.file_of(lake.ledger.batch(delivery.batch_id)).unlink()
    with pytest.raises(LakeDamaged, match=rf"shop\.sales.*{delivery.batch_id}"):
        warehouse(table)


def test_an_old_batch_that_does_not_count_may_be_gone(make_table, deliver, warehouse, lake):
    table = make_table(load="snapshot")
    old = deliver("a.csv", "id,city\n1,Salta\n", table)
    deliver("b.csv", "id,city\n2,Jujuy\n", table)
    lake.store.file_of(lake.ledger.batch(old.batch_id)).unlink()
    with warehouse(table) as connection:
        assert connection.execute("select id from raw.sales").fetchall() == [(2,)]


def test_a_load_between_commit_and_rename_is_waited_for(
    table, put, landing, lake, settings, monkeypatch
):
    found = put("a.csv", "id,city\n1,Salta\n")
    committed, go_on = threading.Event(), threading.Event()
    real = folder_batches.publish_file

    def slow(temporary: Path, final: Path) -> None:
        committed.set()
        assert go_on.wait(20)
        real(temporary, final)

    monkeypatch.setattr("lakehouse.lake.folder_batches.publish_file", slow)
    loading = threading.Thread(target=load_file, args=(landing, found, table, lake))
    loading.start()
    assert committed.wait(20)
    releasing = threading.Timer(0.3, go_on.set)
    releasing.start()
    register_raw(Catalog(domain="shop", tables=(table,)), lake, settings.warehouse("shop"), "test")
    loading.join()
    with duckdb.connect(str(settings.warehouse("shop"))) as connection:
        assert connection.execute("select count(*) from raw.sales").fetchone() == (1,)


def test_registering_twice_changes_nothing(table, deliver, warehouse):
    deliver("a.csv", "id,city\n1,Salta\n")
    with warehouse(table) as connection:
        first = connection.execute("select * from etl.load_log").fetchall()
    with warehouse(table) as connection:
        assert connection.execute("select * from etl.load_log").fetchall() == first
        assert connection.execute("select count(*) from etl.current_batches").fetchone() == (1,)


def test_a_warehouse_that_another_process_has_open_says_so(
    table, lake, settings, warehouse, start_python
):
    warehouse(table).close()
    path = settings.warehouse("shop")
    child = start_python(
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True);"
        "sys.stdin.read()",
        path,
    )
    child.stdout.readline()
    with pytest.raises(WarehouseUnusable, match="serving copy") as caught:
        register_raw(Catalog(domain="shop", tables=(table,)), lake, path, "test")
    assert isinstance(caught.value, TransientError)


def test_a_damaged_warehouse_says_that_it_can_be_built_again(table, lake, settings):
    path = settings.warehouse("shop")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(WarehouseUnusable, match="builds it again from RAW"):
        register_raw(Catalog(domain="shop", tables=(table,)), lake, path, "test")


@pytest.mark.parametrize(
    "name", ["with blank", "quo'te\"s", "[x]*", "a=b", "100%", "year=1999", "añejo {y}"]
)
def test_a_home_of_any_name_can_be_used(tmp_path, name, table, landing, put):
    settings = Settings(home=tmp_path / name, audit_url=SecretStr(f"sqlite:///{tmp_path}/a.db"))
    lake = RawLake.of(settings)
    load_file(landing, put("a.csv", "id,city\n1,Salta\nx,bad\n"), table, lake)
    path = settings.warehouse("shop")
    register_raw(Catalog(domain="shop", tables=(table,)), lake, path, "test")
    with duckdb.connect(str(path)) as connection:
        assert connection.execute(
            "select * exclude (_batch_id, _extracted_at) from raw.sales"
        ).fetchall() == [(1, "Salta", "a.csv", 2)]
        assert columns_of(connection) == [("id", "INTEGER"), ("city", "VARCHAR"), *METADATA]


@pytest.mark.parametrize(
    ("text", "declared", "dialects"),
    [
        ("1.234", "decimal(12,2)", [{"decimal": ",", "thousands": "."}]),
        ("1.234", "decimal(12,3)", [{"decimal": ",", "thousands": "."}]),
        ("0.129", "decimal(12,2)", [{}]),
        ("1.5", "integer", [{}]),
        ("02/01/2024", "date", [{"date_format": "%d/%m/%Y"}]),
    ],
)
def test_old_text_with_two_meanings_is_never_cast_to_one_of_them(
    make_table, deliver, warehouse, text, declared, dialects
):
    deliver("a.csv", f"id,city,x\n1,Salta,{text}\n")
    later = make_table(
        columns={"id": "integer", "city": "varchar", "x": declared}, dialects=dialects
    )
    with pytest.raises(LakeDamaged, match="column x: 1 values loaded under an older contract"):
        warehouse(later)


def test_a_narrower_type_does_not_round_what_older_files_hold(make_table, deliver, warehouse):
    wide = make_table(columns={"id": "integer", "price": "decimal(12,4)"})
    deliver("a.csv", "id,price\n1,1.2345\n", wide)
    with pytest.raises(LakeDamaged, match="column price: 1 values"):
        warehouse(make_table(columns={"id": "integer", "price": "decimal(12,2)"}))


def test_a_file_that_is_still_there_is_read_anew_under_a_changed_contract(
    make_table, deliver, warehouse, put, landing, lake
):
    dialect = [{"delimiter": ";", "decimal": ",", "thousands": "."}]
    first = make_table(dialects=dialect)
    deliver("a.csv", "id;city;price\n1;Salta;1.234\n", first)
    later = make_table(
        columns={"id": "integer", "city": "varchar", "price": "decimal(12,2)"}, dialects=dialect
    )
    (found,) = find_files(landing, later)
    known = lake.ledger.newest_deliveries(later)
    assert pending_names([found], known, first, lake) == set()
    assert pending_names([found], known, later, lake) == {"a.csv"}
    load_file(landing, found, later, lake)
    with warehouse(later) as connection:
        rows = connection.execute(
            "select price::varchar from raw.sales "
            "where _batch_id in (select batch_id from etl.current_batches)"
        )
        assert rows.fetchall() == [("1234.00",)]
