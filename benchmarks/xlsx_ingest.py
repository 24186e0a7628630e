"""What our ingest of a workbook costs against fastexcel alone, pandas and, if there, polars.

Run: python -m benchmarks.xlsx_ingest [--rows 200000] [--rounds 3] [--folder DIR] [--json FILE]
"""

import importlib.util
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import openpyxl
from rich.console import Console

from benchmarks.side_by_side import SideBySide, conclude
from benchmarks.xlsx_loaders import COLUMNS

LOADS = SideBySide(
    "xlsx_loaders",
    "fastexcel",
    {
        "fastexcel": "fastexcel into Arrow and Parquet",
        "aljibe": "our ingest",
        "pandas": "pandas read_excel (openpyxl)",
        "polars": "polars read_excel",
    },
)
FIRST = datetime(2024, 1, 1)


def write_xlsx(path: Path, rows: int) -> None:
    """Write settlements: text, whole and decimal numbers, dates and times."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Liquidaciones")
    sheet.append(list(COLUMNS))
    for n in range(rows):
        sheet.append(
            [
                f"MP-{n:08d}",
                n % 5_000,
                (FIRST + timedelta(days=n % 700)).date(),
                FIRST + timedelta(seconds=n * 37),
                round(n * 31 % 1_000_000 / 100, 2),
                0.21,
                "retenido" if n % 2 else "liquidado",
                f"nota {n % 1_000} número",
            ]
        )
    book.save(path)


def main() -> None:
    """Read the options, generate the workbook, measure in turns."""
    parser = LOADS.option_parser(__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    options = parser.parse_args()
    console = Console()
    if importlib.util.find_spec("polars") is None:
        options.without.append("polars")
    with TemporaryDirectory(prefix="aljibe-xlsx-ingest-", dir=options.folder) as name:
        folder = Path(name)
        xlsx = folder / "liquidaciones.xlsx"
        write_xlsx(xlsx, options.rows)
        title = f"XLSX of {xlsx.stat().st_size / 1e6:.0f} MB, {options.rows:,} rows x 8 columns"
        runs = LOADS.measure(options, xlsx, folder, options.rows)
    LOADS.report(runs, title, console)
    conclude(options, console, {"rows": options.rows, "runs": runs}, f"{options.threads} threads")


if __name__ == "__main__":
    main()
