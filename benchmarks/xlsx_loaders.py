"""Loads one workbook: by fastexcel alone, our ingest, pandas, or polars.

pandas is imported by all of them: pyarrow does that for the first array it makes, in the middle of
a load.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmarks.our_ingest import file_load

COLUMNS = {
    "operacion": "varchar",
    "pedido": "integer",
    "fecha": "date",
    "momento": "timestamp",
    "monto": "decimal(14,2)",
    "tasa": "double",
    "estado": "varchar",
    "nota": "varchar",
}


def load_by_fastexcel(xlsx: Path, folder: Path, threads: int) -> Callable[[], int]:
    """fastexcel with its own types into Arrow, and one zstd Parquet file; nothing checked."""
    import fastexcel  # noqa: PLC0415 - each process imports only what it measures
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    del threads

    def load() -> int:
        batch = fastexcel.read_excel(xlsx).load_sheet(0).to_arrow()
        table = pa.Table.from_batches([batch])
        pq.write_table(table, folder / "plain.parquet", compression="zstd")
        return int(table.num_rows)

    return load


def load_by_pandas(xlsx: Path, folder: Path, threads: int) -> Callable[[], int]:
    """read_excel, which asks openpyxl, and to_parquet."""
    del threads

    def load() -> int:
        frame = pd.read_excel(xlsx)
        frame.to_parquet(folder / "plain.parquet", compression="zstd")
        return len(frame)

    return load


def load_by_polars(xlsx: Path, folder: Path, threads: int) -> Callable[[], int]:
    """read_excel, which asks fastexcel, and write_parquet."""
    import polars  # noqa: PLC0415

    del threads

    def load() -> int:
        frame = polars.read_excel(xlsx)
        frame.write_parquet(folder / "plain.parquet", compression="zstd")
        return int(frame.height)

    return load


def load_by_aljibe(xlsx: Path, folder: Path, threads: int) -> Callable[[], int]:
    """Our ingest, with every type declared."""
    return file_load(xlsx, folder, threads, columns=COLUMNS, format="xlsx")


LOADERS = {
    "fastexcel": load_by_fastexcel,
    "aljibe": load_by_aljibe,
    "pandas": load_by_pandas,
    "polars": load_by_polars,
}
