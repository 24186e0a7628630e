import json
from pathlib import Path

import duckdb
import pytest

SALES = {"id": "integer", "day": "date", "price": "decimal(10,2)", "city": "varchar"}
GOOD = "id,day,price,city\n1,2026-01-31,850.50,Salta\n2,,,\n"


def everything(root: Path) -> set[str]:
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and path.name != "writer.lock"
    }


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
            "select source_line, column_name, file_name from etl.rejected_rows order by 1"
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
    assert everything(lake.settings.raw) == set()
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


def test_the_writer_refuses_to_lose_a_row_without_a_word(table, deliver, monkeypatch):
    monkeypatch.setattr("lakehouse.lake.staged_sql.PartSql.misfits", lambda *_args: [])
    delivery = deliver("a.csv", "id,city\n1,Salta\nx,bad\n")
    assert delivery.status == "quarantined"
    assert "2 rows were read" in delivery.reason


def test_a_name_whose_group_does_not_fit_its_type_is_refused(make_table, deliver):
    table = make_table(
        regex=r"(?P<day>.+)\.csv", columns={"id": "integer", "city": "varchar", "day": "date"}
    )
    refused = deliver("2026-02-31.csv", "id,city\n1,Salta\n", table)
    assert refused.status == "quarantined"
    assert "day, which comes from the file's name" in refused.reason
