"""Housekeeping of a lake: fewer and larger files, old snapshots let go, files of theirs removed.

What a snapshot holds never changes here. A file that no snapshot needs stays for a while, for the
readers that are at it. Procedures: https://ducklake.select/docs/stable/duckdb/maintenance/.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from lakehouse.lake.lake_owner import owns_files
from lakehouse.lake.lake_warehouse import LakeWarehouse
from lakehouse.sql_quoting import sql_string

# Of the rows of a file: with fewer left it is written anew.
_DELETED_SHARE = 0.5


@dataclass(frozen=True)
class LakeTidied:
    """What was done.

    Attributes:
        flushed: tables whose rows lay in the catalog and are in files now.
        merged: tables of which small files became one.
        rewritten: tables of which files with many deleted rows were written anew.
        expired: snapshots that went.
        removed: files that were removed, those of processes that died among them, unless the
            folder is not marked as this lake's.
        kept: snapshots that stay for a publication, oldest first.
    """

    flushed: int
    merged: int
    rewritten: int
    expired: int
    removed: int
    kept: tuple[int, ...]

    def __str__(self) -> str:
        return (
            f"{self.flushed} tables flushed, {self.merged} merged, {self.rewritten} rewritten; "
            f"{self.expired} snapshots expired, {self.removed} files removed"
        )


def tidy_lake(
    lake: LakeWarehouse,
    pinned: Collection[int],
    now: datetime,
    *,
    keep: timedelta,
    grace: timedelta,
) -> LakeTidied:
    """Compact a lake and let its old snapshots go; the caller is the domain's writer.

    Args:
        lake: the warehouse.
        pinned: snapshots of publications, which stay whatever their age.
        now: moment from which ages count, UTC.
        keep: snapshots younger than this stay.
        grace: files that nothing needs any more stay as long; longer than any reader reads.

    Raises:
        WarehouseConflict: somebody writes to the lake; nothing was lost.
        WarehouseUnusable: catalog or files cannot be reached now.
    """
    with lake.opened() as connection:
        flushed = _call(connection, "ducklake_flush_inlined_data", lake)
        merged = _call(connection, "ducklake_merge_adjacent_files", lake)
        rewritten = _call(
            connection, "ducklake_rewrite_data_files", lake, f"delete_threshold => {_DELETED_SHARE}"
        )
        old = _old_snapshots(connection, lake, pinned, now - keep)
        if old:
            versions = ", ".join(map(str, old))
            _call(connection, "ducklake_expire_snapshots", lake, f"versions => [{versions}]")
        until = f"older_than => {sql_string((now - grace).isoformat())}::timestamptz"
        removed = _call(connection, "ducklake_cleanup_old_files", lake, until)
        if owns_files(connection, lake.domain, lake.metadata_schema, lake.data):
            removed += _call(connection, "ducklake_delete_orphaned_files", lake, until)
        there = {version for version, _ in _snapshots(connection, lake)}
    kept = tuple(sorted(there & set(pinned)))
    return LakeTidied(flushed, merged, rewritten, len(old), removed, kept)


def _call(
    connection: duckdb.DuckDBPyConnection, procedure: str, lake: LakeWarehouse, *options: str
) -> int:
    arguments = ", ".join((sql_string(lake.domain), *options))
    return len(connection.execute(f"call {procedure}({arguments})").fetchall())


def _snapshots(
    connection: duckdb.DuckDBPyConnection, lake: LakeWarehouse
) -> list[tuple[int, datetime]]:
    return connection.execute(
        f"select snapshot_id, snapshot_time from ducklake_snapshots({sql_string(lake.domain)}) "
        "order by snapshot_id"
    ).fetchall()


def _old_snapshots(
    connection: duckdb.DuckDBPyConnection,
    lake: LakeWarehouse,
    pinned: Collection[int],
    before: datetime,
) -> list[int]:
    # The newest is what the next write starts from; DuckLake keeps it in any case.
    *older, _newest = _snapshots(connection, lake)
    return [version for version, at in older if at < before and version not in pinned]
