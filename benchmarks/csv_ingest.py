"""What our ingest of a large CSV costs against plain DuckDB: wall time and memory.

Run: python -m benchmarks.csv_ingest [--gigabytes 2] [--rounds 3] [--folder DIR] [--json FILE]
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from rich.console import Console

from benchmarks.side_by_side import SideBySide, conclude

LOADS = SideBySide("csv_loaders", "duckdb", {"duckdb": "plain DuckDB COPY", "aljibe": "our ingest"})
SAMPLE_ROWS = 100_000
# The file itself, a staged copy or the two Parquet files, and room to breathe.
SCRATCH_PER_BYTE = 2.0

ROWS_SQL = """
select
  printf('%09d', i) as id,
  'C' || printf('%07d', (i * 7919) % 3000000) as customer,
  ['Bogotá', 'Ciudad de México', 'São Paulo', 'Santiago', 'Buenos Aires'][1 + i % 5] as city,
  'SKU-' || printf('%05d', (i * 104729) % 20000) as product,
  strftime(timestamp '2024-01-01' + to_seconds(i * 3), '%Y-%m-%d %H:%M:%S') as ordered_at,
  cast(1 + i % 12 as varchar) as quantity,
  printf('%.2f', ((i * 31) % 1000000) / 100) as price,
  case when i % 10 = 0 then 'fragile, call before delivery' else 'delivered at the counter' end
    || ' ' || printf('%06x', (i * 48271) % 16777216) as note
from range({rows}) as t(i)
"""


def write_csv(path: Path, rows: int) -> None:
    """Write `rows` generated orders, 8 text columns, as UTF-8 CSV with a header."""
    with duckdb.connect() as session:
        session.execute(f"copy ({ROWS_SQL.format(rows=rows)}) to '{path}' (format csv, header)")


def rows_for(size_bytes: float, folder: Path) -> int:
    """How many rows make a file of about this size, judged by a small sample."""
    sample = folder / "sample.csv"
    write_csv(sample, SAMPLE_ROWS)
    bytes_per_row = sample.stat().st_size / SAMPLE_ROWS
    sample.unlink()
    return max(1, round(size_bytes / bytes_per_row))


def main() -> None:
    """Read the options, check the disk, generate the file, measure in turns."""
    parser = LOADS.option_parser(__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    options = parser.parse_args()
    console = Console()
    size = options.gigabytes * 1e9
    with TemporaryDirectory(prefix="aljibe-csv-ingest-", dir=options.folder) as name:
        folder = Path(name)
        needed, free = size * SCRATCH_PER_BYTE, shutil.disk_usage(folder).free
        if free < needed:
            raise SystemExit(
                f"{folder.parent} has {free / 1e9:.1f} GB free, this needs {needed / 1e9:.1f}: "
                "choose another with --folder, or a smaller --gigabytes"
            )
        rows = rows_for(size, folder)
        csv = folder / "orders.csv"
        write_csv(csv, rows)
        title = f"CSV of {csv.stat().st_size / 1e9:.2f} GB, {rows:,} rows x 8 text columns"
        runs = LOADS.measure(options, csv, folder, rows)
    LOADS.report(runs, title, console)
    conclude(options, console, {"rows": rows, "runs": runs}, f"{options.threads} threads")


if __name__ == "__main__":
    main()
