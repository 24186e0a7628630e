"""DuckDB as the CSV parser: fixed dialect, every column text, nothing detected.

Its options are those of DuckDB's `read_csv`. Structural faults go to its reject table.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from lakehouse.errors import DeliveryRefused, ResourcesExhausted
from lakehouse.formats.csv.header import CsvHeader
from lakehouse.source_catalog import CsvDialect
from lakehouse.sql_quoting import sql_identifier, sql_path, sql_string

# Also the longest record that DuckDB takes.
BUFFER_BYTES = 4_000_000
REJECT_TABLE = "csv_rejects"
_SCAN_TABLE = "csv_scans"
_ROW_GROUP_ROWS = 61_440
_ROW_GROUP_CELLS = 20 * _ROW_GROUP_ROWS
_VECTOR_ROWS = 2_048
# The default of 1 MiB for each column and row group exhausts 256 MB from 300 columns on.
_DICTIONARY_BYTES = 1_024


class LineEndsMixed(Exception):
    """DuckDB stopped, as it does where line ends of several kinds stand in one file."""


@contextmanager
def csv_session(spill: Path, *, threads: int, memory: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory DuckDB that keeps the order of the rows; closed at the end.

    Args:
        spill: folder for what does not fit into memory.
        threads: of this connection.
        memory: limit such as `256MB`.
    """
    connection = duckdb.connect(
        config={
            "threads": threads,
            "memory_limit": memory,
            "temp_directory": str(spill),
            "preserve_insertion_order": True,
            "autoinstall_known_extensions": False,
        }
    )
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def parse_errors(where: str) -> Iterator[None]:
    """Turn what DuckDB and the disk raise into errors of ours.

    Raises:
        LineEndsMixed: see there.
        ResourcesExhausted: memory or disk did not suffice, which is not the file's fault.
        DeliveryRefused: DuckDB cannot parse the file at all.
    """
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise ResourcesExhausted(
            f"{where}: {_first_line(error)}. Raise ALJIBE_DUCKDB_MEMORY or free disk space."
        ) from error
    except duckdb.IOException as error:
        raise ResourcesExhausted(
            f"{where}: {_first_line(error)}. Check the disk's space and the scratch folder."
        ) from error
    except duckdb.Error as error:
        if "invalid state" in str(error):
            raise LineEndsMixed from error
        raise DeliveryRefused(f"{where} cannot be parsed: {_first_line(error)}.") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ResourcesExhausted(f"{where}: {error.strerror}. Free disk space.") from error


def read_csv_sql(text: Path, header: CsvHeader, dialect: CsvDialect, reject_limit: int) -> str:
    """`read_csv(...)` over UTF-8 text, to be selected from once in a connection.

    Args:
        text: file to parse.
        header: its header.
        dialect: delimiter and quote; a quote inside quotes is doubled.
        reject_limit: faults that are kept at most.
    """
    columns = ", ".join(f"{sql_string(name)}: 'VARCHAR'" for name in header.names)
    quote = sql_string(dialect.quote)
    return (
        f"read_csv({sql_path(text)}, auto_detect=false, header=true, skip={header.blank_lines}, "
        f"delim={sql_string(dialect.delimiter)}, quote={quote}, escape={quote}, "
        f"columns={{{columns}}}, allow_quoted_nulls=false, store_rejects=true, "
        f"rejects_table='{REJECT_TABLE}', rejects_scan='{_SCAN_TABLE}', "
        f"rejects_limit={reject_limit}, buffer_size={BUFFER_BYTES}, "
        f"compression='none', hive_partitioning=false)"
    )


def copy_to_parquet(
    connection: duckdb.DuckDBPyConnection, source: str, header: CsvHeader, target: Path
) -> int:
    """Write the parsed rows to a scratch Parquet file, in file order.

    Returns:
        Rows written.
    """
    vectors = max(1, min(_ROW_GROUP_ROWS, _ROW_GROUP_CELLS // len(header.names)) // _VECTOR_ROWS)
    columns = ", ".join(sql_identifier(name) for name in header.names)
    row = connection.execute(
        f"copy (select {columns} from {source}) to {sql_string(str(target.absolute()))} "
        f"(format parquet, compression lz4, row_group_size {vectors * _VECTOR_ROWS}, "
        f"string_dictionary_page_size_limit {_DICTIONARY_BYTES})"
    ).fetchone()
    return int(row[0]) if row else 0


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].partition("Original Line")[0].rstrip(". ")
