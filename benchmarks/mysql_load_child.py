"""Brings one MySQL table into Parquet once, as a process of its own: by a peer, or by us.

The URL comes in MYSQL_URL. A peer's process has only its own packages, and runs this as a script.
"""

import argparse
import json
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

TABLE = "orders"
Load = Callable[[], int]


def by_connectorx(url: str, folder: Path) -> Load:
    """Its streamed Arrow batches, written as they come."""
    import connectorx  # noqa: PLC0415 - each process imports what it measures
    import pyarrow.parquet as pq  # noqa: PLC0415

    def load() -> int:
        reader = connectorx.read_sql(
            url.replace("mysql+pymysql", "mysql"),
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


def by_dlt(url: str, folder: Path) -> Load:
    """Its sql_table over connectorx into Parquet files."""
    os.environ["DLT_DATA_DIR"] = str(folder)
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415
    from dlt.destinations import filesystem  # noqa: PLC0415
    from dlt.sources.sql_database import sql_table  # noqa: PLC0415

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


def by_pandas(url: str, folder: Path) -> Load:
    """The frame in memory, then to_parquet."""
    import pandas as pd  # noqa: PLC0415
    import sqlalchemy  # noqa: PLC0415

    def load() -> int:
        with sqlalchemy.create_engine(url).connect() as connection:
            frame = pd.read_sql(sqlalchemy.text(f"select * from {TABLE}"), connection)
        frame.to_parquet(folder / "orders.parquet", compression="zstd")
        return len(frame)

    return load


def by_duckdb(url: str, folder: Path) -> Load:
    """Its MySQL extension, without the compression that it asks the server for by default."""
    import duckdb  # noqa: PLC0415
    import duckdb_extension_mysql  # noqa: PLC0415

    (packed,) = Path(duckdb_extension_mysql.__path__[0]).rglob("*.duckdb_extension")
    extension = folder / "mysql_scanner.duckdb_extension"
    extension.symlink_to(packed)
    parts = urlsplit(url)
    session = duckdb.connect(config={"threads": 2})
    session.execute(f"load '{extension}'")
    session.execute(
        f"attach 'host={parts.hostname} port={parts.port} user={parts.username} "
        f"passwd={parts.password} database={parts.path[1:]} compression=disabled' "
        "as source (type mysql)"
    )

    def load() -> int:
        counted = session.execute(
            f"copy (from source.{TABLE}) to '{folder / 'orders.parquet'}' "
            "(format parquet, compression zstd)"
        ).fetchone()
        return int(counted[0]) if counted else 0

    return load


def by_aljibe(url: str, folder: Path) -> Load:
    """Our ingest: one snapshot, counted, hashed, exact types, ledger, synced."""
    from sqlalchemy import make_url  # noqa: PLC0415

    from lakehouse.lake.load_database import load_tables  # noqa: PLC0415
    from lakehouse.lake.raw_lake import RawLake  # noqa: PLC0415
    from lakehouse.settings import Settings  # noqa: PLC0415
    from lakehouse.source_catalog import Table  # noqa: PLC0415

    columns = json.loads(os.environ["MYSQL_COLUMNS"])
    table = Table.model_validate(
        {
            "source": "measured",
            "name": TABLE,
            "connector": "database",
            "block": "measured",
            "schema_name": "raw",
            "meta": {"load": "snapshot", "key": ["id"], "database": {}},
            "columns": [{"name": name, "data_type": kind} for name, kind in columns.items()],
            "file": Path(__file__),
        }
    )
    lake = RawLake.of(Settings(home=folder))

    def load() -> int:
        return sum(one.rows_loaded for one in load_tables(make_url(url), [table], lake))

    return load


LOADERS = {
    "connectorx": by_connectorx,
    "aljibe": by_aljibe,
    "duckdb": by_duckdb,
    "dlt": by_dlt,
    "pandas": by_pandas,
}


def main() -> None:
    """Load, and write rows, seconds and peak memory to a JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("loader", choices=LOADERS)
    parser.add_argument("folder", type=Path, help="where the result goes")
    parser.add_argument("answer", type=Path, help="JSON file that gets the numbers")
    options = parser.parse_args()
    load = LOADERS[options.loader](os.environ["MYSQL_URL"], options.folder)
    started = time.perf_counter()
    rows = load()
    seconds = time.perf_counter() - started
    # Linux counts ru_maxrss in KiB.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    told = {"rows": rows, "seconds": seconds, "peak_rss_bytes": peak}
    options.answer.write_text(json.dumps(told), "utf-8")


if __name__ == "__main__":
    main()
