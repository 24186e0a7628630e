"""Our own loads as the benchmarks measure them: one delivered file, one table of a database."""

# ruff: noqa: PLC0415 - a peer's process, which may not have lakehouse, imports this module too

import typing
from collections.abc import Callable, Mapping
from pathlib import Path

if typing.TYPE_CHECKING:
    from lakehouse.lake.raw_lake import RawLake
    from lakehouse.source_catalog import Table


def measured_table(
    name: str, connector: str, meta: Mapping[str, object], columns: Mapping[str, str]
) -> "Table":
    """A table as a source's YAML declares it.

    Args:
        name: of the table.
        connector: "files" or "database".
        meta: its `meta`, without the connector.
        columns: the type of each, by name.
    """
    from lakehouse.source_catalog import Table

    return Table.model_validate(
        {
            "source": "measured",
            "name": name,
            "connector": connector,
            "block": "measured",
            "schema_name": "raw",
            "meta": meta,
            "columns": [{"name": column, "data_type": kind} for column, kind in columns.items()],
            "file": Path(__file__),
        }
    )


def lake_in(folder: Path, threads: int) -> "RawLake":
    """A RAW lake of its own, wherever the variables of this environment have the real one."""
    from lakehouse.lake.raw_lake import RawLake
    from lakehouse.settings import Settings

    raw, quarantine = folder / "raw", folder / "quarantine"
    return RawLake.of(
        Settings(home=folder, raw_dir=raw, quarantine_dir=quarantine, duckdb_threads=threads)
    )


def file_load(
    file: Path,
    folder: Path,
    threads: int,
    /,
    *,
    columns: Mapping[str, str],
    **meta: object,
) -> Callable[[], int]:
    """Our ingest of a delivered file: found, hashed, checked, typed, in the ledger, synced.

    Args:
        file: the delivery; its folder is the landing folder.
        folder: of the lake.
        threads: of DuckDB.
        columns: the type of each, by name.
        meta: how the table's `meta` tells of the file, such as `format` and `file`.
    """
    from lakehouse.connectors.folder import find_files
    from lakehouse.lake.load_file import load_file

    declared = {"load": "append", "pattern": file.name, **meta}
    table = measured_table(file.stem, "files", declared, columns)
    lake = lake_in(folder, threads)

    def load() -> int:
        (found,) = find_files(file.parent, table)
        return load_file(file.parent, found, table, lake).rows_loaded

    return load


def table_load(
    url: str, name: str, folder: Path, threads: int, *, columns: Mapping[str, str]
) -> Callable[[], int]:
    """Our ingest of a table: one snapshot, counted, hashed, exact types, in the ledger, synced.

    Args:
        url: SQLAlchemy URL of its database, with the password.
        name: of the table, whose key is `id`.
        folder: of the lake.
        threads: of DuckDB.
        columns: the type of each, by name.
    """
    import pandas  # noqa: F401 - pyarrow does for its first array, in the middle of the load
    from sqlalchemy import make_url

    from lakehouse.lake.load_database import load_tables

    meta = {"load": "snapshot", "key": ["id"], "database": {}}
    table = measured_table(name, "database", meta, columns)
    lake = lake_in(folder, threads)
    return lambda: sum(one.rows_loaded for one in load_tables(make_url(url), [table], lake))
