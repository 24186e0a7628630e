"""The files of the demo: the same everywhere, and dirty where they mean to be."""

import csv
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from demo.pharma_deliveries import (
    GOOD_LINES_PER_BAD_LINE,
    LOCAL,
    generated_products,
    seed_deliveries,
    write_deliveries,
)

SMALLEST = {
    "ventas_arg.csv": (
        "invoice_id,fecha,producto_cod,cantidad,precio_unit,moneda\n"
        "ARG-001,2024-01-15,AMOX500,100,850.50,ARS\n"
        "ARG-002,2024-01-15,IBUP400,200,320.00,ARS\n"
        "ARG-003,2024-02-01,AMOX500,50,870.00,ARS\n"
    ),
    "ventas_bra.csv": (
        "invoice_id,fecha,produto_cod,quantidade,preco_unit,moeda\n"
        "BRA-001,2024-01-20,AMOX500,80,45.90,BRL\n"
        "BRA-002,2024-01-22,IBUP400,150,18.50,BRL\n"
    ),
    "productos.csv": (
        "producto_cod,nombre,laboratorio,categoria_terapeutica\n"
        "AMOX500,Amoxicilina 500mg,Laboratorio Bago,Antibióticos\n"
        "IBUP400,Ibuprofeno 400mg,Roemmers,Antiinflamatorios\n"
    ),
}


def contents(paths):
    return {path.name: path.read_bytes() for path in paths}


def rows(path, encoding="cp1252", delimiter=";"):
    return list(csv.DictReader(path.read_text(encoding).splitlines(), delimiter=delimiter))


def test_the_smallest_deliveries_are_three_small_files(tmp_path):
    written = contents(seed_deliveries(tmp_path))
    assert {name: data.decode("utf-8") for name, data in written.items()} == SMALLEST


def test_the_smallest_deliveries_come_first_and_unchanged(tmp_path):
    paths = write_deliveries(tmp_path, rows_per_day=5)
    assert [path.name for path in paths[:4]] == [
        "productos.csv",
        "ventas_arg.csv",
        "ventas_bra.csv",
        "productos_20240202.csv",
    ]
    assert {path.name: path.read_text("utf-8") for path in paths[:3]} == SMALLEST


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    first = contents(write_deliveries(tmp_path / "a", rows_per_day=50))
    again = contents(write_deliveries(tmp_path / "b", rows_per_day=50))
    other = contents(write_deliveries(tmp_path / "c", rows_per_day=50, seed=8))
    assert first == again
    assert first["ventas_arg_20240202.csv"] != other["ventas_arg_20240202.csv"]


def test_nothing_unfinished_is_left_behind(tmp_path):
    paths = write_deliveries(tmp_path, rows_per_day=5)
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_senders_write_in_every_form_that_must_load(tmp_path):
    written = contents(write_deliveries(tmp_path, rows_per_day=50))
    assert written["ventas_arg_20240204.csv"].startswith(b"\xef\xbb\xbfinvoice_id,")
    assert written["ventas_bra_20240203.csv"].startswith(b"\xef\xbb\xbfinvoice_id;")
    local = written["ventas_arg_20240203.csv"].decode("cp1252")
    assert ";03/02/2024;" in local
    prices = [line.split(";")[4] for line in local.splitlines()[1:]]
    assert all(price[-3] == "," for price in prices)
    assert any("." in price for price in prices)
    master = written["productos_20240202.csv"]
    assert "Cœur".encode("cp1252") in master
    assert "Antibióticos".encode("latin-1") in master


def test_every_product_sold_stands_in_the_master(tmp_path):
    write_deliveries(tmp_path, rows_per_day=300)
    master = [row["producto_cod"] for row in rows(tmp_path / "productos_20240202.csv")]
    assert len(master) == len(set(master)) == len(list(generated_products())) > 36
    sold = {row["produto_cod"] for row in rows(tmp_path / "ventas_bra_20240202.csv")}
    assert sold <= set(master)


def test_the_last_day_of_brazil_holds_what_its_vendor_does_wrong(tmp_path):
    write_deliveries(tmp_path, rows_per_day=200)
    for day, encoding in (("20240202", "cp1252"), ("20240203", "utf-8-sig")):
        clean = rows(tmp_path / f"ventas_bra_{day}.csv", encoding)
        assert len({row["invoice_id"] for row in clean}) == len(clean) == 200
        assert all(row["preco_unit"] for row in clean)
    last = rows(tmp_path / "ventas_bra_20240204.csv")
    invoices = [row["invoice_id"] for row in last]
    assert [name for name in set(invoices) if invoices.count(name) > 1] == [invoices[0]]
    assert [row["invoice_id"] for row in last if not row["preco_unit"]] == ["BRA-20240204-SEMPRECO"]
    assert [row["quantidade"] for row in last if not row["quantidade"].isdigit()] == ["doze"]
    assert [row["fecha"] for row in last if row["fecha"].startswith("31/02")] == ["31/02/2024"]
    assert [row["preco_unit"] for row in last if "a" in row["preco_unit"]] == ["a combinar"]


def test_argentina_never_repeats_an_invoice(tmp_path):
    paths = write_deliveries(tmp_path, rows_per_day=100)
    invoices = [
        line.replace(";", ",").split(",")[0]
        for path in paths
        if path.name.startswith("ventas_arg")
        for line in path.read_text("utf-8-sig").splitlines()[1:]
    ]
    assert len(invoices) == len(set(invoices)) == 303


@settings(max_examples=25, deadline=None)
@given(rows_per_day=st.integers(1, 300), days=st.integers(1, 2))
def test_bad_lines_stay_few_enough_for_the_file_to_be_taken(tmp_path_factory, rows_per_day, days):
    folder = tmp_path_factory.mktemp("deliveries")
    last = write_deliveries(folder, days=days, rows_per_day=rows_per_day)[-1]
    encoding = "utf-8-sig" if days == 2 else "cp1252"
    lines = rows(last, encoding)
    bad = len(lines) - rows_per_day - 2
    assert 0 <= bad <= rows_per_day / GOOD_LINES_PER_BAD_LINE
    assert bad <= 3


@given(cents=st.integers(0, 10**9))
def test_a_local_price_reads_back_to_the_same_cents(cents):
    assert int(LOCAL.price(cents).replace(".", "").replace(",", "")) == cents


def test_generated_days_follow_one_another_from_the_first(tmp_path):
    paths = write_deliveries(tmp_path, days=2, rows_per_day=3, first_day=date(2024, 12, 31))
    assert [path.name for path in paths[4:]] == [
        "ventas_arg_20241231.csv",
        "ventas_bra_20241231.csv",
        "ventas_arg_20250101.csv",
        "ventas_bra_20250101.csv",
    ]


def test_writing_the_same_again_is_no_new_delivery(tmp_path):
    first = {path: path.stat().st_mtime_ns for path in write_deliveries(tmp_path)}
    again = {path: path.stat().st_mtime_ns for path in write_deliveries(tmp_path)}
    assert again == first
    assert not list(tmp_path.glob("*.tmp"))
