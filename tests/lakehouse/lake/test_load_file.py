import csv
import io
import json
import string
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lakehouse.connectors.folder import FoundFile
from lakehouse.errors import DeliveryMoving, ResourcesExhausted
from lakehouse.formats.content_profile import profile_content
from lakehouse.lake import load_file as load_file_module
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
    assert everything(lake.root) == {lake.ledger.batch(batch).path}


def test_the_same_content_twice_is_stored_once(table, deliver, warehouse, lake):
    first = deliver("a.csv", "id,city\n1,Salta\n")
    second = deliver("a.csv", "id,city\n1,Salta\n")
    assert (second.status, second.batch_id) == ("known", first.batch_id)
    assert len(everything(lake.root)) == 1
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


def test_rows_that_do_not_convert_and_rows_of_another_shape_are_kept_with_their_lines(
    make_table, deliver, warehouse, settings
):
    table = make_table(columns=SALES)
    text = GOOD + "3,2026-02-30,1,Jujuy\n4,2026-01-01,1\nx,2026-01-01,1,Tilcara\n"
    delivery = deliver("sales.csv", text, table)
    assert (delivery.status, delivery.rows_loaded, delivery.rows_rejected) == ("loaded", 2, 3)
    kept = settings.quarantine / "shop" / "sales" / delivery.batch_id / "rejects.parquet"
    found = duckdb.execute(
        f"select source_line, \"column\", value, raw from '{kept}' order by 1"
    ).fetchall()
    assert [row[:3] for row in found] == [
        (4, "day", "2026-02-30"),
        (5, "city", None),
        (6, "id", "x"),
    ]
    assert "4,2026-01-01,1" in found[1][3]
    with warehouse(table) as connection:
        assert connection.execute(
            "select source_line, column_name, file_name from etl.error_log order by 1"
        ).fetchall() == [(4, "day", "sales.csv"), (5, "city", "sales.csv"), (6, "id", "sales.csv")]
        assert connection.execute(
            "select rows_delivered, rows_loaded, rows_rejected, status, bytes from etl.load_log"
        ).fetchall() == [(5, 2, 3, "loaded", len(text))]


@pytest.mark.parametrize(
    ("good", "bad", "status"), [(381, 20, "loaded"), (379, 20, "quarantined"), (10, 19, "loaded")]
)
def test_more_than_the_share_and_at_least_twenty_bad_rows_refuse_the_file(
    deliver, good, bad, status
):
    text = "id,city\n" + "1,Salta\n" * good + "x,Jujuy\n" * bad
    delivery = deliver("a.csv", text)
    assert (delivery.status, delivery.rows_delivered) == (status, good + bad)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,city\n" + "1,Salta\n" * 30 + "x,Jujuy\n" * 30, "max_reject_share"),
        ("id,city\nx,Jujuy\ny,Tilcara\n", "id"),
        ("city,zip\nSalta,4400\n", "missing columns: id"),
        ("", "empty"),
    ],
)
def test_a_refused_file_is_kept_with_its_reason(deliver, settings, lake, text, words):
    delivery = deliver("a.csv", text)
    assert (delivery.status, delivery.batch_id, delivery.rows_loaded) == ("quarantined", None, 0)
    (kept,) = (settings.quarantine / "shop" / "sales").iterdir()
    assert (kept / "original").read_text() == text
    reason = json.loads((kept / "reason.json").read_text())
    assert (reason["file"], reason["sha256"]) == ("a.csv", delivery.sha256)
    assert words in reason["reason"]
    assert reason["reason"] == delivery.reason
    assert everything(lake.root) == set()
    assert not any(settings.quarantine.rglob("*.tmp"))


def test_the_rejects_of_a_refused_file_are_all_kept(deliver, settings):
    text = "id,city\n" + "1,Salta\n" * 30 + "x,Jujuy\n" * 30
    deliver("a.csv", text)
    (kept,) = (settings.quarantine / "shop" / "sales").iterdir()
    count, line = duckdb.execute(
        f"select count(*), min(source_line) from '{kept}/rejects.parquet'"
    ).fetchone()
    assert (count, line) == (30, 32)


def test_a_snapshot_that_collapses_is_refused_and_taken_when_that_is_allowed(
    make_table, deliver, warehouse
):
    table = make_table(load="snapshot")
    deliver("a.csv", "id,city\n" + "1,Salta\n" * 100, table)
    small = "id,city\n" + "2,Jujuy\n" * 49
    refused = deliver("b.csv", small, table)
    assert (refused.status, refused.rows_delivered) == ("quarantined", 49)
    assert "100 rows by 49" in refused.reason
    assert "min_row_share: 0" in refused.reason
    with warehouse(table) as connection:
        count = "select count(*) from raw.sales join etl.current_batches on batch_id = _batch_id"
        assert connection.execute(count).fetchone() == (100,)
    assert deliver("b.csv", small, make_table(load="snapshot", min_row_share=0)).status == "loaded"


def test_an_old_content_that_comes_again_is_judged_like_a_new_one(make_table, deliver):
    table = make_table(load="snapshot")
    deliver("a.csv", "id,city\n1,Salta\n", table)
    deliver("b.csv", "id,city\n" + "2,Jujuy\n" * 100, table)
    again = deliver("c.csv", "id,city\n1,Salta\n", table)
    assert (again.status, again.rows_delivered) == ("quarantined", 1)


def test_half_of_the_rows_of_a_snapshot_is_enough(make_table, deliver):
    table = make_table(load="snapshot")
    deliver("a.csv", "id,city\n" + "1,Salta\n" * 100, table)
    assert deliver("b.csv", "id,city\n" + "2,Jujuy\n" * 50, table).status == "loaded"


@pytest.mark.parametrize("bad", ["", "x,bad\n", "x;bad\n" * 30])
@pytest.mark.parametrize("step", ["stage_csv", "write_batch"])
def test_a_file_that_changes_while_it_is_read_leaves_nothing(
    table, landing, lake, settings, put, monkeypatch, step, bad
):
    found = put("a.csv", "id,city\n1,Salta\n" + bad)
    real = getattr(load_file_module, step)

    def disturbed(*args, **kwargs):
        with (landing / "a.csv").open("a") as file:
            file.write("2,Jujuy\n")
        return real(*args, **kwargs)

    monkeypatch.setattr(load_file_module, step, disturbed)
    with pytest.raises(DeliveryMoving, match=r"a\.csv"):
        load_file(landing, found, table, lake)
    assert lake.ledger.newest_deliveries(table) == {}
    assert everything(lake.root) == set()
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
    path = lake.file_of(lake.ledger.batch(first.batch_id))
    path.unlink()
    again = deliver("a.csv", "id,city\n1,Salta\nx,bad\n")
    assert (again.status, again.batch_id) == ("loaded", first.batch_id)
    assert path.is_file()
    with warehouse(table) as connection:
        assert rows_of(connection, "id, _source_line") == [(1, 2)]


@pytest.mark.parametrize("failing", ["write_batch", "keep_rejects", "refuse_bad_rows"])
def test_a_fault_on_the_way_leaves_no_temporary_file(
    table, landing, lake, settings, put, monkeypatch, failing
):
    def broken(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(load_file_module, failing, broken)
    found = put("a.csv", "id,city\n1,Salta\nx,bad\n")
    with pytest.raises(ResourcesExhausted, match=r"sales, file a\.csv: No space"):
        load_file(landing, found, table, lake)
    assert everything(lake.root) == set()
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
    assert everything(lake.root) == set()
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


def test_the_writer_refuses_to_lose_a_row_without_a_word(table, deliver, monkeypatch):
    monkeypatch.setattr("lakehouse.lake.batch_writer._misfits", lambda *_args: ())
    delivery = deliver("a.csv", "id,city\n1,Salta\nx,bad\n")
    assert delivery.status == "quarantined"
    assert "2 rows were read" in delivery.reason


def test_groups_of_the_name_become_columns_of_their_declared_type(make_table, deliver, warehouse):
    table = make_table(
        regex=r"(?P<day>.+)_(?P<store>\w+)\.csv",
        columns={"id": "integer", "city": "varchar", "day": "date"},
    )
    deliver("2026-02-01_north.csv", "id,city\n1,Salta\n", table)
    with warehouse(table) as connection:
        assert rows_of(connection, "id, city, day::varchar, store") == [
            (1, "Salta", "2026-02-01", "north")
        ]
        assert connection.execute("select typeof(day) from raw.sales").fetchone() == ("DATE",)


def test_a_name_whose_group_does_not_fit_its_type_is_refused(make_table, deliver):
    table = make_table(
        regex=r"(?P<day>.+)\.csv", columns={"id": "integer", "city": "varchar", "day": "date"}
    )
    refused = deliver("2026-02-31.csv", "id,city\n1,Salta\n", table)
    assert refused.status == "quarantined"
    assert "day, which comes from the file's name" in refused.reason


@pytest.mark.parametrize(
    "name",
    ["it's.csv", 'dou"ble.csv', "100%.csv", "{x}.csv", "[a].csv", "*.csv", "añ o.csv", ";--.csv"],
)
def test_a_file_of_any_name_is_loaded_under_it(make_table, deliver, warehouse, name):
    table = make_table(regex=r"(?P<shop>.*)\.csv")
    assert deliver(name, "id,city\n1,Salta\n", table).status == "loaded"
    with warehouse(table) as connection:
        found = rows_of(connection, "_source_file, shop")
    assert found == [(name, name.removesuffix(".csv"))]


CELL = st.text(
    st.one_of(st.sampled_from("\",;' \t|\\%{}[]ñ€😀\n\r"), st.sampled_from(string.printable[:62])),
    max_size=12,
)


@given(
    header=st.lists(
        st.text(st.sampled_from("abcñ ,;\"'%[]"), min_size=1, max_size=8).map(str.strip),
        min_size=1,
        max_size=4,
        unique_by=str.casefold,
    ).filter(all),
    data=st.data(),
)
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_table_of_text_is_read_back_as_it_was_written(
    header, data, make_table, landing, lake, warehouse
):
    row = st.lists(CELL, min_size=len(header), max_size=len(header)).filter(any)
    written = data.draw(st.lists(row, max_size=5))
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *written])
    number = len(list(landing.iterdir()))
    path = landing / f"{number}.csv"
    path.write_bytes(text.getvalue().encode())
    status = path.stat()
    table = make_table(f"sales_{number}", columns=dict.fromkeys(header, "varchar"))
    found = FoundFile(path.name, status.st_size, status.st_mtime_ns)
    delivery = load_file(landing, found, table, lake)
    assert delivery.status == "loaded", delivery.reason
    with warehouse(table) as connection:
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in header)
        read = connection.execute(f"select {names} from raw.{table.name} order by _source_line")
        assert read.fetchall() == [tuple(cell or None for cell in row) for row in written]


@pytest.mark.parametrize("bad", ["", "x\n"])
@pytest.mark.parametrize(
    "names", [["file_row_number"], ["_line"], ["raw", "fault", "name"], ["filename", "source"]]
)
def test_columns_of_any_name_keep_what_was_delivered(make_table, deliver, warehouse, names, bad):
    table = make_table(columns={"id": "integer", **dict.fromkeys(names, "varchar")})
    header = ",".join(["id", *names])
    value = ",".join(f"{name} value" for name in names)
    rest = bad and "x" + ",y" * len(names) + "\n"
    delivery = deliver("a.csv", f"{header}\n7,{value}\n{rest}", table)
    assert (delivery.status, delivery.rows_loaded, delivery.rows_rejected) == (
        "loaded",
        1,
        int(bool(bad)),
    )
    with warehouse(table) as connection:
        found = rows_of(connection, ", ".join(f'"{name}"' for name in [*names, "_source_line"]))
    assert found == [(*(f"{name} value" for name in names), 2)]
