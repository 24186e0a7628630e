import gzip
import io
import json
import zipfile
from datetime import datetime
from decimal import Decimal

import pytest

SHIPMENTS = {
    "envio_id": "varchar",
    "peso": "decimal(8,2)",
    "history": "struct(estado varchar, fecha timestamp)[]",
}


def shipment(number: int, **fields: object) -> dict[str, object]:
    history = [{"estado": "entregado", "fecha": "2024-01-02 03:04:05"}]
    return {"envio_id": f"ENV-{number:05}", "peso": 1.25, "history": history, **fields}


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.csv", content)
    return buffer.getvalue()


def test_shipments_stay_nested_and_typed(make_table, deliver, warehouse):
    table = make_table(columns=SHIPMENTS, format="json")
    content = json.dumps([shipment(number) for number in range(3)])
    assert deliver("envios.json", content, table).rows_loaded == 3
    with warehouse(table) as connection:
        (row,) = connection.execute(
            "select envio_id, peso, history, _source_file, _source_line from raw.sales limit 1"
        ).fetchall()
        types = connection.execute("select typeof(peso), typeof(history) from raw.sales").fetchone()
    assert row == (
        "ENV-00000",
        Decimal("1.25"),
        [{"estado": "entregado", "fecha": datetime(2024, 1, 2, 3, 4, 5)}],
        "envios.json",
        None,
    )
    assert types == ("DECIMAL(8,2)", "STRUCT(estado VARCHAR, fecha TIMESTAMP)[]")


def test_a_bad_leaf_rejects_its_record_with_its_number(make_table, deliver, lake):
    table = make_table(columns=SHIPMENTS, format="json")
    bad = [{"estado": "entregado", "fecha": "31/12/2024"}]
    records = [shipment(1), shipment(2, history=bad), "x", shipment(4, peso=850.505), shipment(5)]
    delivery = deliver("envios.json", json.dumps(records), table)
    assert (delivery.status, delivery.rows_loaded, delivery.rows_rejected) == ("loaded", 2, 3)
    with lake.ledger.engine.connect() as connection:
        found = connection.exec_driver_sql(
            "select column_name, reason from rejected_rows order by reason"
        ).fetchall()
    assert [tuple(row) for row in found] == [
        ("history", "record 2: fecha: not a timestamp like %Y-%m-%d %H:%M:%S"),
        (None, "record 3: it is no object with keys and values"),
        ("peso", "record 4: more than 2 decimals"),
    ]


def test_lines_of_ndjson_are_kept_where_a_record_is_rejected(make_table, deliver, warehouse):
    table = make_table(format="ndjson")
    content = '{"id": 1, "city": "a"}\nx\n\n{"id": "b", "city": "c"}\n{"id": 5, "city": "d"}\n'
    delivery = deliver("a.ndjson", content, table)
    assert (delivery.rows_loaded, delivery.rows_rejected) == (2, 2)
    with warehouse(table) as connection:
        rows = connection.execute("select id, _source_line from raw.sales order by 1").fetchall()
    assert rows == [(1, 1), (5, 5)]


def test_members_of_a_zip_file_are_one_delivery(make_table, deliver, warehouse):
    table = make_table(file={"member": "*.csv"})
    content = zipped(norte=b"id,city\n1,Salta\n", sur=b"id,city,zona\n2,Ushuaia,z\nx,y,z\n")
    delivery = deliver("lote.zip", content, table)
    assert (delivery.status, delivery.rows_loaded, delivery.rows_rejected) == ("loaded", 2, 1)
    assert "new columns" in (delivery.reason or "")
    with warehouse(table) as connection:
        rows = connection.execute(
            "select id, zona, _source_file, _source_line from raw.sales order by id"
        ).fetchall()
    assert rows == [
        (1, None, "lote.zip/norte.csv", 2),
        (2, "z", "lote.zip/sur.csv", 2),
    ]


def test_one_bad_member_refuses_the_archive(make_table, deliver):
    content = zipped(norte=b"id,city\n1,Salta\n", sur=b"id;city\n2;Ushuaia\n")
    delivery = deliver("lote.zip", content, make_table())
    assert delivery.status == "quarantined"
    assert "lote.zip/sur.csv fits none of the dialects" in (delivery.reason or "")


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_gz_file_is_named_as_it_was_delivered(make_table, deliver, warehouse, name: str):
    table = make_table()
    content = b"id,city\n1,Salta\n"
    deliver(name, gzip.compress(content) if name.endswith(".gz") else content, table)
    with warehouse(table) as connection:
        assert connection.execute(
            "select _source_file, _source_line from raw.sales"
        ).fetchall() == [(name, 2)]


def test_a_captured_column_that_records_bring_themselves_is_theirs(make_table, deliver, warehouse):
    table = make_table(
        regex=r"(?P<city>\w+)_(?P<day>.+)\.json",
        columns={"id": "integer", "city": "varchar", "day": "date"},
        format="json",
    )
    delivery = deliver("Salta_2026-01-02.json", '[{"id": 1, "city": "Ushuaia"}]', table)
    assert delivery.status == "loaded", delivery.reason
    with warehouse(table) as connection:
        rows = connection.execute("select id, city, day::varchar from raw.sales").fetchall()
    assert rows == [(1, "Ushuaia", "2026-01-02")]
