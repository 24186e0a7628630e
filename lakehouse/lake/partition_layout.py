"""Where a batch lies in the RAW lake.

`{source}/{table}/year=YYYY/month=MM/day=DD/<batch>.parquet` below the RAW root; while it is
being written, the same with `.tmp` behind, which no reader's `**/*.parquet` matches.
"""

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from lakehouse.sql_quoting import glob_literal

TEMPORARY = ".tmp"


def raw_partition_path(
    source: str, table: str, extracted_at: datetime, batch_id: str
) -> PurePosixPath:
    """Path of a batch relative to the RAW root; the day is that of `extracted_at` in UTC."""
    day = extracted_at.astimezone(UTC)
    return PurePosixPath(
        source,
        table,
        f"year={day:%Y}",
        f"month={day:%m}",
        f"day={day:%d}",
        f"{batch_id}.parquet",
    )


def table_folder(raw: Path, source: str, table: str) -> Path:
    """Folder with every batch of a table."""
    return raw / source / table


def table_glob(raw: Path, source: str, table: str) -> str:
    """Pattern that matches every visible batch of a table and nothing else."""
    return f"{glob_literal(table_folder(raw, source, table))}/**/*.parquet"


def table_lock_file(raw: Path, source: str, table: str) -> Path:
    """File whose lock makes a process the table's only writer."""
    return table_folder(raw, source, table) / "writer.lock"


def temporary_path(final: Path) -> Path:
    """Name of a batch until its ledger row is committed."""
    return final.with_name(final.name + TEMPORARY)
