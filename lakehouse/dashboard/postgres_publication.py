"""Publications in the schemas `<domain>_<layer>` of the serving database."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from lakehouse.dashboard.any_moment import read_any_moment
from lakehouse.dashboard.publication import Query, ReadableTable, Row, tables_of
from lakehouse.errors import NotPublished, PublicationUnreadable
from lakehouse.publish.serving_engine import cause_of, serving_engine, shown

# Beside the folders of the project; schemas of others are left alone.
LAYERS = ("raw", "staging", "intermediate", "core", "consume", "marts", "snapshots")
_BATCH_ROWS = 5000
_AT_ONCE = 4
_STATEMENT_SECONDS = 60.0
_LOCK_SECONDS = 5.0
# Shorter than PostgreSQL waits before it looks for a deadlock: it is the reader who steps back.
_LOCK_TRY = "set local lock_timeout = '500ms'"
_BUSY = ("55P03", "40P01")
# A table went between the look and the lock.
_GONE = ("42P01", "3F000")
_SCHEMAS = """
select distinct n.nspname from pg_class as c
inner join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and has_schema_privilege(n.oid, 'usage')
    and has_table_privilege(c.oid, 'select')
order by 1
"""
_SHAPES = """
select n.nspname as layer, n.nspname, c.relname, obj_description(c.oid, 'pg_class'),
    a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum)
from pg_class as c
inner join pg_namespace as n on n.oid = c.relnamespace
inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relkind in ('r', 'p') and n.nspname = any(:schemas)
    and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
order by n.nspname, c.relname, a.attnum
"""
# In the order in which a publication locks what it replaces.
_RELATIONS = """
select n.nspname, c.relname from pg_class as c
inner join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname = any(:schemas)
    and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
order by c.oid
"""
_CAN_SEE = """
select c.relname from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'aljibe' and c.relname in ('published_domains', 'published_tables')
    and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
"""
_WHICH = "select schema_name, table_name from aljibe.published_tables where domain = :domain"
_WHEN = "select published_at from aljibe.published_domains where domain = :domain"


class PostgresPublication:
    """One transaction on the serving database; see `Publication`."""

    def __init__(
        self,
        domain: str,
        published_at: datetime | None,
        connection: Connection,
        tables: Mapping[str, ReadableTable],
    ) -> None:
        self.domain = domain
        self.published_at = published_at
        self.tables: Mapping[str, ReadableTable] = tables
        self._connection = connection

    def rows(self, query: Query) -> list[Row]:
        """See `Publication`."""
        with _explained(self.domain):
            return [tuple(row) for row in self._connection.execute(query)]

    def batches(self, query: Query) -> Iterator[Sequence[Row]]:
        """See `Publication`; the server keeps what was not asked for yet."""
        with _explained(self.domain):
            options = {"stream_results": True, "max_row_buffer": _BATCH_ROWS}
            result = self._connection.execute(query, execution_options=options)
            for batch in result.partitions(_BATCH_ROWS):
                yield [tuple(row) for row in batch]


class PublishedSchemas:
    """The published schemas of one database; see `PublishedData`."""

    def __init__(self, url: SecretStr, known_domains: Sequence[str], project: Path) -> None:
        """Read from a database.

        Args:
            url: its SQLAlchemy URL.
            known_domains: of the project; the longest that begins a schema's name is its domain.
            project: the dbt project, whose folders of models are layers.

        Raises:
            SettingsInvalid: it is not a URL of PostgreSQL.
        """
        self._engine = serving_engine(
            url,
            name="aljibe-dashboard",
            statement_seconds=_STATEMENT_SECONDS,
            pool_size=_AT_ONCE,
        )
        event.listen(self._engine, "connect", read_any_moment)
        self._known = sorted(known_domains, key=len, reverse=True)
        self._layers = {path.name for path in (project / "models").glob("*/*/")} | set(LAYERS)

    def domains(self) -> list[str]:
        """See `PublishedData`."""
        return sorted(self._schemas())

    @contextmanager
    def open(self, domain: str) -> Iterator[PostgresPublication]:
        """See `PublishedData`.

        All tables are locked against being replaced before the first of them is read: a snapshot
        alone would see a table that is replaced later with the rows of its next publication.
        """
        schemas = self._schemas().get(domain)
        if not schemas:
            raise NotPublished(f"{domain} has published nothing yet that this user may read.")
        with self._transaction() as connection, _explained(domain):
            tables = self._held(connection, domain, schemas)
            seen, of_domain = set(connection.scalars(text(_CAN_SEE))), {"domain": domain}
            published_at = None
            if "published_domains" in seen:
                published_at = connection.scalar(text(_WHEN), of_domain)
            if "published_tables" in seen:
                # What others made in these schemas may show columns that nobody declared.
                ours = {tuple(row) for row in connection.execute(text(_WHICH), of_domain)}
                tables = {
                    name: one for name, one in tables.items() if (one.schema, one.name) in ours
                }
            yield PostgresPublication(domain, published_at, connection, tables)

    def close(self) -> None:
        """See `PublishedData`."""
        self._engine.dispose()

    def _schemas(self) -> dict[str, list[str]]:
        """Schemas of each domain."""
        found: dict[str, list[str]] = {}
        with self._transaction() as connection:
            for schema in map(str, connection.scalars(text(_SCHEMAS))):
                domain = self._domain_of(schema)
                if domain:
                    found.setdefault(domain, []).append(schema)
        return found

    def _domain_of(self, schema: str) -> str | None:
        for domain in self._known:
            if schema.removeprefix(f"{domain}_") in self._layers:
                return domain
        domain, _, layer = schema.rpartition("_")
        return domain if domain and layer in self._layers else None

    def _held(
        self, connection: Connection, domain: str, schemas: Sequence[str]
    ) -> dict[str, ReadableTable]:
        """Lock the tables, and give them as they are once they are locked."""
        tries = Retrying(
            retry=retry_if_exception(lambda error: _is_one_of(error, (*_BUSY, *_GONE))),
            stop=stop_after_delay(_LOCK_SECONDS),
            wait=wait_random(0.05, 0.3),
            reraise=True,
        )
        for attempt in tries:
            with attempt:
                return self._lock(connection, domain, schemas)
        raise AssertionError("the last try raises")

    def _lock(
        self, connection: Connection, domain: str, schemas: Sequence[str]
    ) -> dict[str, ReadableTable]:
        connection.rollback()
        names = connection.execute(text(_RELATIONS), {"schemas": list(schemas)}).all()
        # What was just read is as old as its snapshot; the next one begins behind the locks.
        connection.rollback()
        quote = connection.dialect.identifier_preparer.quote_identifier
        relations = [".".join(map(quote, map(str, row))) for row in names]
        if relations:
            connection.exec_driver_sql(_LOCK_TRY)
            connection.exec_driver_sql(f"lock table {', '.join(relations)} in access share mode")
        return self._shapes(connection, domain, schemas)

    def _shapes(
        self, connection: Connection, domain: str, schemas: Sequence[str]
    ) -> dict[str, ReadableTable]:
        rows = connection.execute(text(_SHAPES), {"schemas": list(schemas)})
        return tables_of([(row[0].removeprefix(f"{domain}_"), *row[1:]) for row in rows])

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
        except PoolTimeoutError:
            raise PublicationUnreadable(
                "Too many pages are being read. Try again in a moment."
            ) from None
        except DBAPIError as error:
            raise PublicationUnreadable(
                f"The database of published tables {shown(self._engine)} cannot be read: "
                f"{cause_of(error)}. Check that it runs and that ALJIBE_SERVING_URL is right."
            ) from None


def _is_one_of(error: BaseException, states: Sequence[str]) -> bool:
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in states


@contextmanager
def _explained(domain: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated or not getattr(error.orig, "sqlstate", None):
            raise
        if _is_one_of(error, _BUSY):
            raise PublicationUnreadable(
                f"The tables of {domain} are being replaced. Try again in a moment."
            ) from None
        # Other words of the server may quote values of rows.
        code = getattr(error.orig, "sqlstate", None)
        raise PublicationUnreadable(
            f"The tables of {domain} cannot be read (SQLSTATE {code})."
        ) from None
