"""DuckDB connections: bounded ones for loads, the warehouse, and faults of disk and memory."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from lakehouse.errors import ResourcesExhausted, WarehouseUnusable
from lakehouse.lake.s3_session import let_read_raw
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


def open_warehouse(warehouse: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Connect to a domain's warehouse, in UTC; made when missing unless `read_only`.

    Its raw views can be read wherever RAW lies.

    Raises:
        LakeRefused, ExtensionMissing: RAW lies in a bucket that cannot be reached from here.
        WarehouseUnusable: another process has it open, or it is damaged.
    """
    try:
        connection = duckdb.connect(str(warehouse), read_only=read_only)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            advice = "Close whatever has it open; readers belong on the serving copy."
        else:
            advice = "If it is damaged, delete it: the next run builds it again from RAW."
        cause = str(error).partition("\n")[0].rstrip(". ")
        raise WarehouseUnusable(f"{warehouse} cannot be opened: {cause}. {advice}") from error
    connection.execute("set timezone = 'UTC'")
    try:
        let_read_raw(connection)
    except BaseException:
        connection.close()
        raise
    return connection
