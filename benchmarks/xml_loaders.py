"""Loads one XML document: by lxml's iterparse alone, our ingest, or pandas.

pandas is imported by all of them: pyarrow does that for the first array it makes, in the middle of
a load.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmarks.our_ingest import file_load

COLUMNS = {
    "codigo": "varchar",
    "nombre": "varchar",
    "categoria": "varchar",
    "precio_lista": "decimal(12,2)",
    "precio_costo": "decimal(12,2)",
    "stock_proveedor": "integer",
    "disponible": "varchar",
    "marca": "varchar",
}
BATCH_ROWS = 50_000


def load_by_iterparse(xml: Path, folder: Path, threads: int) -> Callable[[], int]:
    """The usual loop over iterparse: all text, into one zstd Parquet file; nothing checked."""
    import pyarrow as pa  # noqa: PLC0415 - each process imports only what it measures
    import pyarrow.parquet as pq  # noqa: PLC0415
    from lxml import etree  # noqa: PLC0415

    del threads
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])

    def load() -> int:
        rows: list[dict[str, str]] = []
        count = 0
        with pq.ParquetWriter(folder / "plain.parquet", schema, compression="zstd") as writer:
            for _, element in etree.iterparse(xml, events=("end",), tag="producto"):
                rows.append({child.tag: child.text for child in element})
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
                if len(rows) == BATCH_ROWS:
                    writer.write_table(pa.Table.from_pylist(rows, schema))
                    count, rows = count + len(rows), []
            writer.write_table(pa.Table.from_pylist(rows, schema))
        return count + len(rows)

    return load


def load_by_pandas(xml: Path, folder: Path, threads: int) -> Callable[[], int]:
    """read_xml with its own types and to_parquet."""
    del threads

    def load() -> int:
        frame = pd.read_xml(xml, xpath="/catalogo/producto")
        frame.to_parquet(folder / "plain.parquet", compression="zstd")
        return len(frame)

    return load


def load_by_aljibe(xml: Path, folder: Path, threads: int) -> Callable[[], int]:
    """Our ingest, with every type declared."""
    told = {"record_path": "/catalogo/producto"}
    return file_load(xml, folder, threads, columns=COLUMNS, format="xml", file=told)


LOADERS = {"iterparse": load_by_iterparse, "aljibe": load_by_aljibe, "pandas": load_by_pandas}
