"""The five files of the shop's partners, each in its sender's own format."""

import csv
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from openpyxl import Workbook

from demo.kept_files import whole_file
from demo.techstore_records import bank_payments, claims, settlements, shipments
from demo.techstore_shop import Shop

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODIFIED = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")


def write_deliveries(shop: Shop, folder: Path) -> list[Path]:
    """Write every file into `folder`, row by row; files with this content are left alone.

    Returns:
        The files, in the order written.
    """
    return [
        write_bank_payments(shop, folder / "pagos_banco.csv"),
        write_shipments(shop, folder / "envios_courier.json"),
        write_catalogue(shop, folder / "catalogo_proveedor.xml"),
        write_settlements(shop, folder / "liquidacion_mp.xlsx"),
        write_claims(shop, folder / "reclamos.txt"),
    ]


def write_bank_payments(shop: Shop, path: Path) -> Path:
    """CSV with a header; `cbu` has 22 digits, of which the first are zeros."""
    with (
        whole_file(path) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        for number, payment in enumerate(bank_payments(shop)):
            if not number:
                writer.writerow(payment)
            writer.writerow(payment.values())
    return path


def write_shipments(shop: Shop, path: Path) -> Path:
    """One JSON array; each shipment holds the list of its events."""
    with whole_file(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        separator = "[\n"
        for shipment in shipments(shop):
            file.write(separator + json.dumps(shipment, ensure_ascii=False))
            separator = ",\n"
        file.write("\n]\n")
    return path


def write_catalogue(shop: Shop, path: Path) -> Path:
    """XML with supplier and date as attributes of the root; it has products that we do not sell."""
    with whole_file(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        supplier = quoteattr("Mayorista Río & Mar")
        file.write(f'<catalogo proveedor={supplier} fecha="{shop.as_of}">\n')
        for number in range(1, shop.products + 11):
            product = shop.product(number)
            fields = {
                "codigo": f"PROV-{number:04d}",
                "nombre": product.nombre,
                "categoria": product.categoria,
                "precio_lista": product.precio_unitario,
                "precio_costo": product.costo,
                "stock_proveedor": product.stock_proveedor,
                "disponible": "si" if product.stock_proveedor else "no",
                "marca": product.marca,
            }
            inner = "".join(f"<{name}>{escape(str(v))}</{name}>" for name, v in fields.items())
            file.write(f"  <producto>{inner}</producto>\n")
        file.write("</catalogo>\n")
    return path


def write_settlements(shop: Shop, path: Path) -> Path:
    """Workbook with one sheet, `Liquidaciones`; dates are text, amounts numbers."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Liquidaciones")
    for number, settlement in enumerate(settlements(shop)):
        if not number:
            sheet.append(list(settlement))
        sheet.append(list(settlement.values()))
    with whole_file(path) as unfinished:
        stamped = unfinished.with_suffix(".stamped")
        book.save(stamped)
        _write_without_clock(stamped, unfinished)
        stamped.unlink()
    return path


def _write_without_clock(workbook: Path, target: Path) -> None:
    """Copy a workbook without the moment at which it was written."""
    with zipfile.ZipFile(workbook) as packed, zipfile.ZipFile(target, "w") as copy:
        for member in packed.infolist():
            entry = zipfile.ZipInfo(member.filename, _ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            if member.filename == "docProps/core.xml":
                copy.writestr(
                    entry, _MODIFIED.sub(rb"\g<1>2026-01-01T00:00:00Z", packed.read(member))
                )
                continue
            with packed.open(member) as content, copy.open(entry, "w", force_zip64=True) as out:
                shutil.copyfileobj(content, out)


def write_claims(shop: Shop, path: Path) -> Path:
    """Text with `|` between the fields, and no newline at the end."""
    with (
        whole_file(path) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="") as file,
    ):
        file.writelines(_claim_lines(shop))
    return path


def _claim_lines(shop: Shop) -> Iterator[str]:
    for number, claim in enumerate(claims(shop)):
        if not number:
            yield "|".join(claim)
        yield "\n" + "|".join(str(value) for value in claim.values())
