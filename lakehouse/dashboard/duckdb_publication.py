"""Publications in DuckDB: serving copies, which are replaced by a rename while others read."""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import BoundedSemaphore

import duckdb
from sqlalchemy.dialects.postgresql.base import PGDialect

from lakehouse.dashboard.publication import Query, ReadableTable, Row, tables_of
from lakehouse.errors import NotPublished, PublicationUnreadable
from lakehouse.sql_quoting import sql_identifier, sql_string

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_BATCH_ROWS = 5000
_AT_ONCE = 4
_WAIT_SECONDS = 20.0
# DuckDB takes PostgreSQL's SQL, with parameters that are numbered.
_DIALECT = PGDialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
_SHAPES = """
select c.schema_name, c.schema_name, c.table_name, t.comment, c.column_name, c.data_type, c.comment
from duckdb_columns() as c
inner join (
    select database_name, schema_name, table_name, comment from duckdb_tables()
    union all
    select database_name, schema_name, view_name, comment from duckdb_views() where not internal
) as t using (database_name, schema_name, table_name)
where c.database_name = current_database() and not c.internal
order by c.schema_name, c.table_name, c.column_index
"""


class DuckdbPublication:
    """One publication, held open; see `Publication`."""

    def __init__(
        self,
        domain: str,
        published_at: datetime,
        connection: duckdb.DuckDBPyConnection,
        tables: Collection[str] | None = None,
    ) -> None:
        """Read what there is.

        Args:
            domain: its name.
            published_at: when it was published, UTC.
            connection: whose current catalog has the tables, and more where `tables` are given.
            tables: `schema.table` of those that were published.
        """
        self.domain = domain
        self.published_at: datetime | None = published_at
        self._connection = connection
        with explained(domain):
            found = tables_of(connection.execute(_SHAPES).fetchall())
        self.tables: Mapping[str, ReadableTable] = {
            name: table for name, table in found.items() if tables is None or name in tables
        }

    def rows(self, query: Query) -> list[Row]:
        """See `Publication`."""
        with explained(self.domain):
            return list(self._answer(query).fetchall())

    def batches(self, query: Query) -> Iterator[Sequence[Row]]:
        """See `Publication`."""
        with explained(self.domain):
            answer = self._answer(query)
            while batch := answer.fetchmany(_BATCH_ROWS):
                yield batch

    def _answer(self, query: Query) -> duckdb.DuckDBPyConnection:
        compiled = query.compile(dialect=_DIALECT)
        names = getattr(compiled, "positiontup", None) or []
        return self._connection.execute(str(compiled), [compiled.params[name] for name in names])


class ServingCopies:
    """The serving copies of a folder; see `PublishedData`."""

    def __init__(self, folder: Path, *, memory: str) -> None:
        """Read below a folder.

        Args:
            folder: in which `<domain>.duckdb` lie.
            memory: DuckDB's limit for each page, such as `256MB`; at most four are read at once.
        """
        self._folder = folder
        self._memory = memory
        self._turns = BoundedSemaphore(_AT_ONCE)

    def domains(self) -> list[str]:
        """See `PublishedData`."""
        files = (path for path in self._folder.glob("*.duckdb") if path.is_file())
        return sorted(path.stem for path in files if _NAME.fullmatch(path.stem))

    @contextmanager
    def open(self, domain: str) -> Iterator[DuckdbPublication]:
        """See `PublishedData`; it is the file of this moment, whatever is renamed over it."""
        if domain not in self.domains():
            raise NotPublished(f"{domain} has published nothing yet.")
        if not self._turns.acquire(timeout=_WAIT_SECONDS):
            raise PublicationUnreadable("Too many pages are being read. Try again in a moment.")
        try:
            with self._attached(domain) as (connection, seen):
                published_at = datetime.fromtimestamp(seen.st_mtime, UTC)
                yield DuckdbPublication(domain, published_at, connection)
        finally:
            self._turns.release()

    def close(self) -> None:
        """See `PublishedData`; nothing is kept open."""

    @contextmanager
    def _attached(self, domain: str) -> Iterator[tuple[duckdb.DuckDBPyConnection, os.stat_result]]:
        try:
            descriptor = os.open(self._folder / f"{domain}.duckdb", os.O_RDONLY)
        except OSError as error:
            raise PublicationUnreadable(
                f"The serving copy of {domain} cannot be opened: {error.strerror}."
            ) from None
        try:
            with explained(domain), duckdb.connect() as connection:
                connection.execute("set threads = 1")
                # A page that does not fit is refused; it leaves no file in the working folder.
                connection.execute("set temp_directory = ''")
                connection.execute(f"set memory_limit = {sql_string(self._memory)}")
                connection.execute("set timezone = 'UTC'")
                connection.execute("set autoinstall_known_extensions = false")
                # DuckDB knows open files by path; the path of the descriptor is this file's alone.
                file = sql_string(f"/proc/self/fd/{descriptor}")
                catalog = sql_identifier("published")
                connection.execute(f"attach {file} as {catalog} (read_only)")
                connection.execute(f"use {catalog}")
                connection.execute("set enable_external_access = false")
                connection.execute("set lock_configuration = true")
                yield connection, os.fstat(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def explained(domain: str) -> Iterator[None]:
    """Raise `PublicationUnreadable` for what DuckDB says of a domain's tables."""
    try:
        yield
    except duckdb.Error as error:
        # Its words may quote values of rows.
        raise PublicationUnreadable(
            f"What was published of {domain} cannot be read ({type(error).__name__}). "
            f"Run `aljibe run {domain}` to publish it anew."
        ) from error
