"""Brings one MySQL table into Parquet: by connectorx, our ingest, DuckDB, dlt, or pandas.

The source is a JSON file with `url`, as SQLAlchemy writes it, and `columns`, the type of each.
Peers run in an environment of their own: see `load_child`.
"""

# ruff: noqa: PLC0415 - each process imports only what it measures, and may not have the rest

import json
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.duckdb_copy import copy_load, plain_session
from benchmarks.our_ingest import table_load

TABLE = "orders"


def url_in(source: Path) -> str:
    """SQLAlchemy's URL of the database, with the password."""
    url: str = json.loads(source.read_text("utf-8"))["url"]
    return url


def load_by_connectorx(source: Path, folder: Path, threads: int) -> Callable[[], int]:
    """Its streamed Arrow batches, written as they come."""
    import connectorx
    import pyarrow.parquet as pq

    del threads
    url = url_in(source).replace("mysql+pymysql", "mysql")

    def load() -> int:
        reader = connectorx.read_sql(
            url,
            f"select * from {TABLE} order by id",
            return_type="arrow_stream",
            batch_size=50_000,
        )
        path, rows = folder / "orders.parquet", 0
        with pq.ParquetWriter(
            path, reader.schema, compression="zstd", compression_level=1
        ) as written:
            for batch in reader:
                written.write_batch(batch)
                rows += batch.num_rows
        return rows

    return load


def load_by_dlt(source: Path, folder: Path, threads: int) -> Callable[[], int]:
    """Its sql_table over connectorx into Parquet files."""
    os.environ["DLT_DATA_DIR"] = str(folder)
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt
    import pyarrow.parquet as pq
    from dlt.destinations import filesystem
    from dlt.sources.sql_database import sql_table

    del threads
    url = url_in(source)

    def load() -> int:
        pipeline = dlt.pipeline(
            "measured",
            pipelines_dir=str(folder / "pipelines"),
            destination=filesystem(bucket_url=str(folder / "lake")),
            dataset_name="raw",
        )
        resource_of = sql_table(
            credentials=url,
            table=TABLE,
            backend="connectorx",
            backend_kwargs={"conn": url.replace("mysql+pymysql", "mysql")},
        )
        pipeline.run(resource_of, loader_file_format="parquet")
        files = (folder / "lake").rglob(f"{TABLE}/*.parquet")
        return sum(pq.ParquetFile(file).metadata.num_rows for file in files)

    return load


def load_by_pandas(source: Path, folder: Path, threads: int) -> Callable[[], int]:
    """The frame in memory, then to_parquet."""
    import pandas as pd
    import sqlalchemy

    del threads
    url = url_in(source)

    def load() -> int:
        with sqlalchemy.create_engine(url).connect() as connection:
            frame = pd.read_sql(sqlalchemy.text(f"select * from {TABLE}"), connection)
        frame.to_parquet(folder / "orders.parquet", compression="zstd")
        return len(frame)

    return load


def load_by_duckdb(source: Path, folder: Path, threads: int) -> Callable[[], int]:
    """Its MySQL extension, without the compression that it asks the server for by default."""
    import duckdb_extension_mysql

    (packed,) = Path(duckdb_extension_mysql.__path__[0]).rglob("*.duckdb_extension")
    extension = folder / "mysql_scanner.duckdb_extension"
    extension.symlink_to(packed)
    parts = urlsplit(url_in(source))
    session = plain_session(threads)
    session.execute(f"load '{extension}'")
    session.execute(
        f"attach 'host={parts.hostname} port={parts.port} user={parts.username} "
        f"passwd={parts.password} database={parts.path[1:]} compression=disabled' "
        "as source (type mysql)"
    )
    return copy_load(session, f"source.{TABLE}", folder)


def load_by_aljibe(source: Path, folder: Path, threads: int) -> Callable[[], int]:
    """Our ingest, with every type declared."""
    columns = json.loads(source.read_text("utf-8"))["columns"]
    return table_load(url_in(source), TABLE, folder, threads, columns=columns)


LOADERS = {
    "connectorx": load_by_connectorx,
    "aljibe": load_by_aljibe,
    "duckdb": load_by_duckdb,
    "dlt": load_by_dlt,
    "pandas": load_by_pandas,
}
