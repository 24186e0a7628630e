"""The demo's files, read by the contract, through the models."""

import csv
from datetime import datetime
from decimal import Decimal, InvalidOperation

from demo.pharma_deliveries import write_deliveries


def as_delivered(path, delivery, sequence):
    """Rows of a sales or product file by its contract, and the lines that break it."""
    content = path.read_bytes()
    bom = content.startswith(b"\xef\xbb\xbf")
    try:
        text = content.decode("utf-8-sig" if bom else "utf-8")
    except UnicodeDecodeError:
        text = content.decode("cp1252")
    local = ";" in text.splitlines()[0]
    _, *rows = csv.reader(text.splitlines(), delimiter=";" if local else ",")
    table = "_".join(path.stem.split("_")[:2]) if "ventas" in path.stem else "productos"
    good, bad = [], []
    for line, row in enumerate(rows, start=2):
        try:
            good.append(row if table == "productos" else typed_sale(row, local))
        except (ValueError, InvalidOperation):
            bad.append(line)
    return delivery(table, path.name, good, sequence=sequence), bad


def typed_sale(row, local):
    invoice, day, product, quantity, price, currency = row
    if local:
        price = price.replace(".", "").replace(",", ".")
    when = datetime.strptime(day, "%d/%m/%Y" if local else "%Y-%m-%d").date()
    return invoice, when, product, int(quantity), Decimal(price) if price else None, currency


def test_the_demo_builds_with_the_warnings_it_means_to_show(project, delivery, tmp_path):
    paths = write_deliveries(tmp_path, days=3, rows_per_day=40)
    read = [as_delivered(path, delivery, number) for number, path in enumerate(paths, start=1)]
    deliveries = [one for one, _ in read if one.file != "productos.csv"]
    bad_lines = {one.file: lines for one, lines in read if lines}
    build = project.scenario(deliveries)
    assert build.returncode == 0
    assert build.not_passed() == {
        "unique_stg_ventas_bra_invoice_id": "warn",
        "not_null_stg_ventas_bra_precio_unit": "warn",
    }
    assert bad_lines == {"ventas_bra_20240204.csv": [44]}
    assert build.query(
        "select pais, count(*) from consume.fct_ventas_latam group by pais order by pais"
    ) == [("ARG", 3 + 120), ("BRA", 2 + 120)]
    assert build.query(
        "select motivo, _source_line from consume.ventas_excluidas order by all"
    ) == [
        ("factura repetida", 42),
        ("sin precio", 43),
    ]
    assert build.query(
        "select distinct laboratorio from consume.fct_ventas_latam where laboratorio like 'Qu%'"
    ) == [("Química Ñandú",)]
