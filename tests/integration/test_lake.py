"""A lake on a real PostgreSQL: writers side by side, readers of a version, housekeeping, faults."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Event

import duckdb
import fsspec
import pytest
from pydantic import SecretStr
from sqlalchemy import URL
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from lakehouse.errors import PublishRefused, WarehouseConflict, WarehouseRefused, WarehouseUnusable
from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.lake_warehouse import LakeWarehouse
from lakehouse.lake.tidy_lake import tidy_lake
from lakehouse.lake.warehouse import set_aside, warehouse_exists, warehouse_of
from lakehouse.publish.pin_warehouse import pin_warehouse
from lakehouse.publish.serving_copy import PublishedTable, prepared_copy
from lakehouse.settings import Settings

pytestmark = pytest.mark.integration
SOON, NOTHING = timedelta(hours=1), timedelta(0)


@pytest.fixture
def lake(postgres_database: URL, tmp_path: Path) -> LakeWarehouse:
    """An empty lake."""
    url = postgres_database.render_as_string(hide_password=False)
    warehouse = warehouse_of(
        Settings(home=tmp_path / "home", target="lake", lake_catalog_url=url), "shop"
    )
    assert isinstance(warehouse, LakeWarehouse)
    return warehouse


def do(lake: LakeWarehouse, *statements: str) -> int:
    """Run statements in one transaction; returns the version they made."""
    with open_warehouse(lake) as connection:
        connection.execute("begin")
        for statement in statements:
            connection.execute(statement)
        connection.execute("commit")
    return lake.current_version()


def ask(lake: LakeWarehouse, sql: str) -> list[tuple[object, ...]]:
    with open_warehouse(lake, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_lake_is_there_once_it_was_written_and_wrong_addresses_say_so(lake, tmp_path):
    assert not warehouse_exists(lake)
    do(lake, "create schema marts", "create table marts.a as select 1 as id")
    assert warehouse_exists(lake)
    url = lake.catalog.get_secret_value()
    user, _, rest = url.partition("@")
    secret = user.rpartition(":")[2]
    for wrong, said in (
        (f"{user}x@{rest}", "password authentication failed"),
        (f"{url}_gone", "does not exist"),
    ):
        with pytest.raises(WarehouseRefused, match=said) as refused:
            ask(replace(lake, catalog=SecretStr(wrong)), "from marts.a")
        assert secret not in str(refused.value)
    with pytest.raises(WarehouseRefused, match="ALJIBE_LAKE_DATA"):
        ask(replace(lake, data=f"{tmp_path}/elsewhere/"), "from marts.a")
    began = time.monotonic()
    nobody = f"{user}@127.0.0.1:9/x"
    with pytest.raises(WarehouseUnusable, match="cannot be reached"):
        ask(replace(lake, catalog=SecretStr(nobody)), "from marts.a")
    assert time.monotonic() - began < 30


@pytest.mark.soak
def test_writers_of_different_tables_all_get_through(lake):
    do(lake, "create schema marts")
    together = Barrier(3)

    def write(name: str) -> None:
        for _ in range(2):
            together.wait(60)
            do(
                lake,
                f"create or replace table marts.{name} as select '{name}' as id from range(99)",
            )

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, ("a", "b", "c")))
    assert ask(lake, "select count(*) from (from marts.a union all from marts.b)") == [(198,)]
    assert ask(lake, "select count(distinct id), count(*) from marts.c") == [(1, 99)]


@pytest.mark.soak
def test_the_later_of_two_writers_of_a_table_is_told_and_loses_nothing_by_another_try(lake):
    do(lake, "create schema marts", "create table marts.n as select 0 as n")
    with open_warehouse(lake) as first:
        first.execute("begin")
        first.execute("update marts.n set n = n + 1")
        with pytest.raises(WarehouseConflict, match="Another process wrote first"):
            write_after(first, lake)

    @retry(
        retry=retry_if_exception_type(WarehouseConflict),
        stop=stop_after_attempt(30),
        wait=wait_random(0, 0.2),
    )
    def add(_number: int) -> None:
        do(lake, "update marts.n set n = n + 1")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(add, range(3)))
    assert ask(lake, "from marts.n") == [(4,)]


def write_after(first: duckdb.DuckDBPyConnection, lake: LakeWarehouse) -> None:
    """Change the table that `first` has changed, and commit after it."""
    with open_warehouse(lake) as second:
        second.execute("begin")
        second.execute("update marts.n set n = n + 1")
        first.execute("commit")
        second.execute("commit")


def test_a_serving_copy_is_of_the_pinned_version_while_others_write(lake, tmp_path):
    do(
        lake,
        "create schema marts",
        "create table marts.a as select range as id, 'old' as said from range(500)",
        "create view marts.b as select count(*) as n, any_value(said) as said from marts.a",
    )
    tables = [
        PublishedTable("marts", "a", "It's a table.", {"id": "Number.", "gone": "No column."}),
        PublishedTable("marts", "b", "A view.", {"n": "Count."}),
    ]
    shown = pin_warehouse(lake, tables)
    newest = do(lake, "create or replace table marts.a as select 1 as id, 'new' as said")
    assert isinstance(shown, LakeWarehouse)
    assert (shown.version or 0) < newest
    serving = tmp_path / "serving" / "shop.duckdb"
    with prepared_copy(shown, serving, tables, memory="200MB") as copy:
        assert copy.rows == {"marts.a": 500, "marts.b": 1}
        copy.put_in_place()
    with duckdb.connect(str(serving), read_only=True) as connection:
        assert connection.execute("from marts.b").fetchall() == [(500, "old")]
    assert ask(shown, "from marts.b") == [(500, "old")]
    told = "select comment from duckdb_tables() union all select comment from duckdb_views()"
    assert {row[0] for row in ask(shown, told)} >= {"It's a table.", "A view."}
    assert ask(lake, "from marts.b") == [(1, "new")]
    with duckdb.connect() as reader:
        reader.execute(f"set extension_directory = '{lake.extensions}'")
        reader.execute("create temporary secret (type postgres, password 'taken from here')")
        with pytest.raises(duckdb.Error, match="password"):
            reader.execute(shown.attach_sql())


def test_the_sql_that_is_shown_attaches_the_version_with_the_password_of_libpq(lake, monkeypatch):
    version = do(lake, "create schema marts", "create table marts.a as select 'old' as said")
    do(lake, "create or replace table marts.a as select 'new' as said")
    monkeypatch.setenv("PGPASSWORD", lake.environment()["PGPASSWORD"])
    for one, said in ((lake.at(version), "old"), (lake, "new")):
        with duckdb.connect() as reader:
            reader.execute(f"set extension_directory = '{lake.extensions}'")
            reader.execute(one.attach_sql().replace("load postgres;", "load postgres_scanner;"))
            assert reader.execute("from marts.a").fetchall() == [(said,)]


@pytest.mark.soak
def test_housekeeping_disturbs_no_reader_and_touches_no_raw_file(lake, tmp_path):
    raw = tmp_path / "home" / "raw" / "files" / "sales" / "year=2024"
    raw.mkdir(parents=True)
    for day in range(3):
        duckdb.sql(f"select {day} as day, range as id from range(50)").write_parquet(
            str(raw / f"{day}.parquet")
        )
    before = hashes(raw)
    version = do(
        lake,
        "create schema raw",
        "create schema marts",
        f"create view raw.sales as from read_parquet('{raw}/*.parquet', hive_partitioning = false)",
        "create table marts.a as from raw.sales",
        "create table marts.growing as from raw.sales",
        "create table marts.small as select 1 as id",
    )
    for day in range(6):
        more = f"select {day}, range from range(1000, 1100)"
        do(lake, f"insert into marts.a {more}", f"insert into marts.growing {more}")
    unpinned = do(lake, "delete from marts.a where id between 1000 and 1098")
    newest = do(lake, "insert into marts.small values (2)")
    leftover = Path(lake.data) / "marts" / "a" / "left-by-a-dead-process.parquet"
    leftover.write_bytes(b"half")
    wanted = {
        lake.at(version): [(150, 3675)],
        lake: ask(lake, "select count(*), sum(id)::bigint from marts.a"),
    }

    with ThreadPoolExecutor(2) as pool:
        done = Event()
        readers = [pool.submit(read_until, done, one, rows) for one, rows in wanted.items()]
        now = datetime.now(UTC) + SOON
        try:
            gentle = tidy_lake(lake, [version], now, keep=NOTHING, grace=2 * SOON)
            assert gentle.removed == 0
            assert leftover.exists()
            tidy_lake(lake, [version], now, keep=NOTHING, grace=2 * SOON)
        finally:
            done.set()
        assert all(reader.result() > 0 for reader in readers)
    assert gentle.kept == (version,)
    assert gentle.expired >= 7
    assert gentle.merged > 0

    files = len(hashes(Path(lake.data)))
    swept = tidy_lake(lake, [version], now, keep=NOTHING, grace=NOTHING)
    assert swept.removed > 0
    assert len(hashes(Path(lake.data))) < files
    assert not leftover.exists()
    for one, rows in wanted.items():
        assert ask(one, "select count(*), sum(id)::bigint from marts.a") == rows
        assert ask(one, "select count(*) from raw.sales") == [(150,)]
    assert ask(lake.at(version), "from marts.small") == [(1,)]
    with pytest.raises(WarehouseRefused, match="No snapshot found"):
        ask(lake.at(unpinned), "from marts.small")
    assert lake.current_version() >= newest
    assert hashes(raw) == before


@pytest.mark.soak
def test_files_of_a_lake_in_a_bucket_are_written_tidied_and_read_by_version(
    lake, s3_bucket, s3_server
):
    lake = replace(lake, data=f"{s3_bucket}/lake/shop/")
    raw, key = f"{s3_bucket}/raw/a.parquet", s3_server["AWS_SECRET_ACCESS_KEY"]
    many = "select range as id, 'x' as said from range(20000)"
    do(lake, "create schema marts", f"copy ({many}) to '{raw}'")
    version = do(lake, f"create table marts.a as from read_parquet('{raw}')")
    for _ in range(3):
        do(lake, "insert into marts.a select range, 'y' from range(100)")
    files = fsspec.filesystem(
        "s3",
        key=s3_server["AWS_ACCESS_KEY_ID"],
        secret=key,
        endpoint_url=s3_server["AWS_ENDPOINT_URL"],
    )
    before = files.cat_file(raw.removeprefix("s3://"))
    now = datetime.now(UTC) + SOON
    swept = tidy_lake(lake, [version], now, keep=NOTHING, grace=NOTHING)
    assert (swept.merged, swept.kept) == (1, (version,))
    assert swept.removed >= 3
    assert ask(lake, "select count(*) from marts.a") == [(20300,)]
    assert ask(lake.at(version), "select count(*) from marts.a") == [(20000,)]
    assert files.cat_file(raw.removeprefix("s3://")) == before
    assert key not in repr(lake) + lake.attach_sql() + "".join(lake.environment().values())


def test_two_catalogs_never_share_a_folder_whose_unknown_files_go(lake, postgres_server, tmp_path):
    do(lake, "create schema marts", "create table marts.a as select range as id from range(99)")
    other = replace(
        lake,
        catalog=SecretStr(postgres_server.url.render_as_string(hide_password=False)),
    )
    with pytest.raises(WarehouseRefused, match="files of another catalog"):
        do(other, "create schema marts")
    (Path(lake.data) / "catalog.txt").write_text("of somebody else")
    stray = Path(lake.data) / "stray.parquet"
    stray.write_bytes(b"x")
    now = datetime.now(UTC) + SOON
    assert tidy_lake(lake, (), now, keep=NOTHING, grace=NOTHING).removed == 0
    assert stray.exists()


def test_what_is_set_aside_can_be_read_in_its_earlier_version(lake, tmp_path):
    set_aside(lake, tmp_path)
    version = do(lake, "create schema marts", "create table marts.a as select 1 as id")
    do(lake, "create schema etl", "create view etl.b as from marts.a")
    set_aside(lake, tmp_path)
    assert ask(lake, "select count(*) from information_schema.tables") == [(0,)]
    assert ask(lake.at(version), "from marts.a") == [(1,)]


def test_values_that_files_do_not_keep_stop_a_publication_and_are_named(lake):
    sums = "create table marts.sums as select sum(n)::hugeint as total from (values (1), (2)) t(n)"
    do(lake, "create schema marts", sums)
    pin_warehouse(lake, ())
    do(lake, "insert into marts.sums values (9007199254740993)")
    do(lake, "create table marts.waits as select interval 90 seconds as wait")
    with pytest.raises(
        PublishRefused, match=r"sums\.total \(HUGEINT\), .*waits\.wait \(INTERVAL\)"
    ):
        pin_warehouse(lake, ())


def read_until(done: Event, lake: LakeWarehouse, wanted: list[tuple[object, ...]]) -> int:
    """Read as long as the housekeeping goes on; returns how often."""
    times = 0
    with open_warehouse(lake, read_only=True) as held:
        while not done.is_set():
            sql = "select count(*), sum(id)::bigint from marts.a"
            assert held.execute(sql).fetchall() == wanted
            assert ask(lake, sql) == wanted
            times += 1
    return times


def hashes(folder: Path) -> dict[Path, str]:
    return {
        file: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.rglob("*.parquet")
    }


@pytest.mark.parametrize("rows", [3, 3000], ids=["in the catalog", "in files"])
def test_values_come_back_as_they_went(lake, rows):
    values = {
        "decimal(38,10)": "'1234567890123456789012345678.0123456789'",
        "bigint": "'-9223372036854775808'",
        "ubigint": "'18446744073709551615'",
        "double": "0.1 + 0.2",
        "float": "'nan'",
        "varchar": "'ñ''; -- '",
        "boolean": "true",
        "date": "'0001-01-01'",
        "timestamp": "'2024-02-29 23:59:59.123456'",
        "timestamptz": "'2024-02-29 23:59:59.123456-03'",
        "time": "'23:59:59.999999'",
        "uuid": "'98f1065e-976a-4f13-88fe-2298f7698a44'",
        "blob": "'\\x00\\xFF'",
        "integer[]": "[1, null, 3]",
        "struct(a integer, b varchar)": "{'a': 1, 'b': null}",
        "json": "'{\"a\": [1, 2.50]}'",
    }
    columns = ", ".join(f"{sql}::{kind} as c{at}" for at, (kind, sql) in enumerate(values.items()))
    query = f"select range as id, {columns} from range({rows}) union all select -1{', null' * 16}"
    do(lake, "create schema marts", f"create table marts.v as {query}")
    with open_warehouse(lake) as connection:
        connection.execute(f"create temporary table wanted as {query}")
        here, there = (
            connection.execute(f"select count(*), sum(hash(r)) from {one} as r").fetchone()
            for one in ("temp.wanted", "marts.v")
        )
        assert there == here
        types = [
            connection.execute(f"describe {one}").fetchall() for one in ("temp.wanted", "marts.v")
        ]
        assert [row[:2] for row in types[0]] == [row[:2] for row in types[1]]
