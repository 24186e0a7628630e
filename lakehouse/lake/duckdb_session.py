"""DuckDB connections: bounded ones for loads, the warehouse, and faults of disk and memory."""

import errno
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import duckdb

from lakehouse.errors import ResourcesExhausted, WarehouseUnusable
from lakehouse.lake.lake_warehouse import LakeWarehouse
from lakehouse.lake.s3_session import let_read_raw
from lakehouse.lake.warehouse import Warehouse
from lakehouse.sql_quoting import sql_string

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def bounded_session(
    scratch: Path, *, threads: int, memory: str, ordered: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory DuckDB that spills to `scratch` beyond `memory`.

    Args:
        scratch: existing folder for what does not fit.
        threads: threads of this connection.
        memory: limit such as `256MB`.
        ordered: keep the order of the rows read; costs memory and time.
    """
    session = duckdb.connect()
    try:
        session.execute(f"set threads = {threads}")
        session.execute(f"set memory_limit = {sql_string(memory)}")
        session.execute(f"set temp_directory = {sql_string(str(scratch))}")
        session.execute(f"set preserve_insertion_order = {str(ordered).lower()}")
        session.execute("set autoinstall_known_extensions = false")
        session.execute("set timezone = 'UTC'")
        yield session
    finally:
        session.close()


@contextmanager
def resources_suffice(what: str) -> Iterator[None]:
    """Tell a full disk or memory from faults of the data.

    Raises:
        ResourcesExhausted: naming `what` was being written.
    """
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise _exhausted(what, str(error)) from error
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        raise _exhausted(what, error.strerror or str(error)) from error


def _exhausted(what: str, cause: str) -> ResourcesExhausted:
    first_line = cause.partition("\n")[0].rstrip(". ")
    return ResourcesExhausted(
        f"{what}: {first_line}. Nothing was changed; check the disk's free space and "
        "ALJIBE_DUCKDB_MEMORY, then run again."
    )


@contextmanager
def open_warehouse(
    warehouse: Warehouse, *, read_only: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Connect to a domain's warehouse, in UTC; made when missing unless `read_only`.

    Its raw views can be read wherever RAW lies.

    Raises:
        LakeRefused, ExtensionMissing: RAW lies in a bucket that cannot be reached from here.
        WarehouseUnusable: another process has the file open, it is damaged, or the catalog of a
            lake does not answer.
        WarehouseConflict: another process changed the same table of a lake meanwhile.
    """
    if isinstance(warehouse, LakeWarehouse):
        opened: AbstractContextManager[duckdb.DuckDBPyConnection] = warehouse.opened(
            read_only=read_only
        )
    else:
        opened = _open_file(warehouse, read_only=read_only)
    with opened as connection:
        connection.execute("set timezone = 'UTC'")
        let_read_raw(connection)
        yield connection


def _open_file(file: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(file), read_only=read_only)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            advice = "Close whatever has it open; readers belong on the serving copy."
        else:
            advice = "If it is damaged, delete it: the next run builds it again from RAW."
        cause = str(error).partition("\n")[0].rstrip(". ")
        raise WarehouseUnusable(f"{file} cannot be opened: {cause}. {advice}") from error
