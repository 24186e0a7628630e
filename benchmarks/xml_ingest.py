"""What our ingest of an XML document costs against lxml iterparse alone and pandas.

Run: python -m benchmarks.xml_ingest [--megabytes 100] [--rounds 3] [--folder DIR] [--json FILE]
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.side_by_side import SideBySide, conclude

LOADS = SideBySide(
    "xml_loaders",
    "iterparse",
    {
        "iterparse": "lxml iterparse into Arrow and Parquet",
        "aljibe": "our ingest",
        "pandas": "pandas read_xml",
    },
)
CATEGORIES = ("Audio", "Video", "Cables &amp; más")
RECORD = """  <producto>
    <codigo>PROV-{n:07d}</codigo>
    <nombre>Producto número {name} de línea</nombre>
    <categoria>{category}</categoria>
    <precio_lista>{price}</precio_lista>
    <precio_costo>{cost}</precio_costo>
    <stock_proveedor>{stock}</stock_proveedor>
    <disponible>{there}</disponible>
    <marca>Marca{brand}</marca>
  </producto>
"""


def write_xml(path: Path, size: float) -> int:
    """Write a supplier's catalogue of about `size` bytes, 8 elements a record; its records."""
    written = rows = 0
    with path.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<catalogo proveedor="Sur">\n')
        while written < size:
            written += file.write(
                RECORD.format(
                    n=rows,
                    name=rows * 7919 % 100_000,
                    category=CATEGORIES[rows % 3],
                    price=f"{rows * 31 % 1_000_000 / 100:.2f}",
                    cost=f"{rows * 17 % 1_000_000 / 100:.2f}",
                    stock=rows % 500,
                    there="no" if rows % 3 else "si",
                    brand=rows % 50,
                )
            )
            rows += 1
        file.write("</catalogo>\n")
    return rows


def main() -> None:
    """Read the options, generate the document, measure in turns."""
    parser = LOADS.option_parser(__doc__)
    parser.add_argument("--megabytes", type=float, default=100)
    options = parser.parse_args()
    console = Console()
    with TemporaryDirectory(prefix="aljibe-xml-ingest-", dir=options.folder) as name:
        folder = Path(name)
        xml = folder / "catalogo.xml"
        rows = write_xml(xml, options.megabytes * 1e6)
        title = f"XML of {xml.stat().st_size / 1e6:.0f} MB, {rows:,} records of 8 elements"
        runs = LOADS.measure(options, xml, folder, rows)
    LOADS.report(runs, title, console)
    conclude(options, console, {"rows": rows, "runs": runs}, f"{options.threads} threads")


if __name__ == "__main__":
    main()
