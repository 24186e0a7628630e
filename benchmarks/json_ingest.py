"""What our ingest of a large JSON file costs against plain DuckDB and pandas: time and memory.

Run: python -m benchmarks.json_ingest [--megabytes 200] [--rounds 3] [--folder DIR] [--json FILE]
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from rich.console import Console

from benchmarks.side_by_side import SideBySide, conclude

LOADS = SideBySide(
    "json_loaders",
    "duckdb",
    {"duckdb": "plain DuckDB", "pandas": "pandas", "aljibe": "our ingest"},
)
BYTES_PER_RECORD = 364
SHAPES = {"array": "shipments.json", "lines": "shipments.ndjson"}

# Shipments as techstore's courier sends them, with one or two events each.
RECORDS_SQL = """
select
  'ENV-' || printf('%07d', i) as envio_id,
  i % 500000 as pedido_id,
  ['Andreani', 'OCA', 'Correo Argentino', 'Via Cargo'][1 + i % 4] as courier,
  'TRK' || printf('%012d', i * 7919) as tracking_code,
  ['Rosario', 'Córdoba', 'Mendoza'][1 + i % 3] as destino_ciudad,
  round((i % 1000) / 37, 2) as peso_kg,
  round((i % 100000) / 100, 2) as costo_envio,
  'entregado' as estado_actual,
  strftime(date '2024-01-01' + (i % 700)::int, '%Y-%m-%d') as fecha_estimada_entrega,
  [
    {{'estado': 'en_camino', 'fecha': strftime(timestamp '2024-01-01' + to_seconds(i * 3),
      '%Y-%m-%d %H:%M:%S'), 'ubicacion': 'Rosario'}},
    {{'estado': 'entregado', 'fecha': strftime(timestamp '2024-01-02' + to_seconds(i * 3),
      '%Y-%m-%d %H:%M:%S'), 'ubicacion': 'Salta'}}
  ][:1 + (i % 2)::int] as tracking_history
from range({rows}) as t(i)
"""


def write_records(path: Path, rows: int) -> None:
    """Write generated shipments, as an array or as lines by the file's suffix."""
    array = str(path.suffix == ".json").lower()
    with duckdb.connect() as session:
        session.execute("set enable_progress_bar = false")
        session.execute(
            f"copy ({RECORDS_SQL.format(rows=rows)}) to '{path}' (format json, array {array})"
        )


def main() -> None:
    """Read the options, generate both files, measure in turns."""
    parser = LOADS.option_parser(__doc__)
    parser.add_argument("--megabytes", type=float, default=200.0)
    options = parser.parse_args()
    console = Console()
    rows = max(1, round(options.megabytes * 1e6 / BYTES_PER_RECORD))
    measured: dict[str, object] = {"rows": rows}
    with TemporaryDirectory(prefix="aljibe-json-ingest-", dir=options.folder) as name:
        folder = Path(name)
        for shape, file_name in SHAPES.items():
            file = folder / file_name
            write_records(file, rows)
            title = f"JSON {shape} of {file.stat().st_size / 1e6:.0f} MB, {rows:,} records"
            runs = LOADS.measure(options, file, folder, rows)
            LOADS.report(runs, title, console)
            measured[shape] = runs
            file.unlink()
    conclude(options, console, measured, f"{options.threads} threads")


if __name__ == "__main__":
    main()
