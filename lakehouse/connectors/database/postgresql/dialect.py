"""PostgreSQL: what its catalog says of a table, and how its rows are read.

Rows come as COPY TO in CSV, which the server writes exactly and Arrow parses: only there are NULL
and an empty text told apart without a step in Python for each cell.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import psycopg
import pyarrow as pa
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from lakehouse.connectors.database.dialect import Relation, ServerColumn
from lakehouse.connectors.database.postgresql.faults import postgresql_faults
from lakehouse.connectors.database.postgresql.rows import parse_rows
from lakehouse.connectors.database.postgresql.types import DATES, NUMBERS, server_column
from lakehouse.errors import CatalogInvalid, RelationMissing
from lakehouse.sql_quoting import sql_identifier, sql_string

NAMES_SHOWN = 30
_BYTES_AT_ONCE = 8 << 20
_ROWS_AT_ONCE = 50_000
# Reading may take long; waiting for a lock that a migration holds should not.
_SESSION = (
    "set local datestyle = 'ISO, YMD'",
    "set local timezone = 'UTC'",
    "set local intervalstyle = 'postgres'",
    "set local bytea_output = 'hex'",
    "set local extra_float_digits = 1",
    "set local standard_conforming_strings = on",
    "set local statement_timeout = 0",
    "set local idle_in_transaction_session_timeout = 0",
    "set local lock_timeout = '60s'",
)


class PostgreSql:
    """The dialect of PostgreSQL; see `Dialect`."""

    name = "postgresql"

    def relations(self, connection: Connection) -> list[str]:
        """Tables and views that this user may read; with their schema where it is not searched."""
        with postgresql_faults():
            return [str(row[0]) for row in connection.execute(_RELATIONS)]

    def describe(self, connection: Connection, relation: str) -> Relation:
        """See `Dialect.describe`."""
        with postgresql_faults():
            found = _find(connection, relation)
            if found is None:
                known = self.relations(connection)
                shown = ", ".join(known[:NAMES_SHOWN]) or "nothing that this user may read"
                more = f" and {len(known) - NAMES_SHOWN} more" if len(known) > NAMES_SHOWN else ""
                raise RelationMissing(
                    f"There is no table or view {relation}. There is: {shown}{more}."
                )
            oid, schema, name, rows = found
            columns: Sequence[Any] = connection.execute(_COLUMNS, {"oid": oid}).all()
            key: Sequence[Any] = connection.execute(_PRIMARY_KEY, {"oid": oid}).scalars().all()
        return Relation(
            name=relation,
            quoted=f"{sql_identifier(schema)}.{sql_identifier(name)}",
            columns=tuple(
                server_column(column, shown, base, modifier, category, nullable=not required)
                for column, shown, base, modifier, category, required in columns
            ),
            primary_key=tuple(key),
            estimated_rows=int(rows) if rows >= 0 else None,
        )

    def snapshot(
        self, engine: Engine, connections: int
    ) -> AbstractContextManager[list[Connection]]:
        """REPEATABLE READ, READ ONLY; all further connections take the snapshot of the first."""
        return _snapshot(engine, max(1, connections))

    def batches(
        self, connection: Connection, query: str, columns: Sequence[ServerColumn]
    ) -> Iterator[pa.RecordBatch]:
        """Rows as the server sends them; an interrupted read closes the connection."""
        driver: Any = connection.connection.driver_connection
        with postgresql_faults():
            ended = False
            try:
                with driver.cursor() as cursor, cursor.copy(_copy(query)) as copy:
                    yield from _parsed(copy, columns)
                    ended = True
            finally:
                if not ended:
                    # The driver would read the rest of the rows, which may be many or never come.
                    driver.close()

    def literal(self, column: ServerColumn, value: str) -> str:
        """See `Dialect.literal`."""
        if column.server_type.startswith(NUMBERS) and pa.types.is_string(column.arrow_type):
            raise CatalogInvalid(
                f"Column {column.name} of type {column.server_type} cannot be a cursor: what is "
                "kept of it is text. Read a view that makes a bigint or timestamp of it."
            )
        if value.startswith(("infinity", "-infinity")) and column.server_type.startswith(DATES):
            raise CatalogInvalid(
                f"Column {column.name} holds infinity, after which nothing comes; it cannot be a "
                "cursor. Read a view that leaves these rows out or makes NULL of it."
            )
        return f"cast({sql_string(value)} as {column.server_type})"

    def before(self, column: ServerColumn, literal: str, overlap: float) -> str:
        """See `Dialect.before`; a date goes back by whole days."""
        if not overlap:
            return literal
        if column.server_type == "date":
            return f"({literal} - {-int(-overlap // 86_400)})"
        if column.server_type.startswith(DATES):
            return f"({literal} - interval '{overlap:f} seconds')"
        if pa.types.is_string(column.arrow_type):
            raise CatalogInvalid(
                f"Column {column.name} is text, of which nothing can be taken away: set overlap: 0."
            )
        return f"({literal} - {overlap:f})"

    def faults(self) -> AbstractContextManager[None]:
        """See `postgresql_faults`."""
        return postgresql_faults()


def _copy(query: str) -> str:
    return f"copy ({query}) to stdout (format csv, encoding 'UTF8')"


def _parsed(copy: psycopg.Copy, columns: Sequence[ServerColumn]) -> Iterator[pa.RecordBatch]:
    """Batches of whole rows: the server sends a row in each message, line ends within it too."""
    rows: list[bytes] = []
    size = 0
    for row in copy:
        rows.append(bytes(row))
        size += len(row)
        if size >= _BYTES_AT_ONCE or len(rows) >= _ROWS_AT_ONCE:
            yield parse_rows(b"".join(rows), columns)
            rows, size = [], 0
    if rows:
        yield parse_rows(b"".join(rows), columns)


@contextmanager
def _snapshot(engine: Engine, connections: int) -> Iterator[list[Connection]]:
    opened: list[Connection] = []
    try:
        with postgresql_faults():
            opened.append(_begun(engine))
            if connections > 1:
                shared: Any = opened[0].exec_driver_sql("select pg_export_snapshot()").scalar_one()
                opened += (_begun(engine, str(shared)) for _ in range(connections - 1))
        yield opened
    except BaseException:
        for connection in opened:
            # Nothing was written, so there is nothing to undo on a server that may be gone.
            connection.invalidate()
        raise
    finally:
        for connection in opened:
            with suppress(DBAPIError, psycopg.Error):
                connection.close()


def _begun(engine: Engine, shared: str | None = None) -> Connection:
    connection = engine.connect()
    try:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        if shared is not None:
            _run(connection, f"set transaction snapshot {sql_string(shared)}")
        for statement in _SESSION:
            _run(connection, statement)
        if shared is None:
            # The snapshot is taken by the first query, not by BEGIN.
            _run(connection, "select 1")
    except BaseException:
        connection.invalidate()
        raise
    return connection


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


_KINDS = "('r', 'p', 'v', 'm', 'f')"
_RELATIONS = text(
    "select case when pg_catalog.pg_table_is_visible(c.oid) then c.relname "
    "else n.nspname || '.' || c.relname end "
    "from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
    f"where c.relkind in {_KINDS} and n.nspname not in ('pg_catalog', 'information_schema') "
    "and n.nspname not like 'pg\\_%' and not c.relispartition "
    "and pg_catalog.has_schema_privilege(n.oid, 'usage') "
    "and pg_catalog.has_any_column_privilege(c.oid, 'select') order by 1"
)
_NAMED = (
    "select c.oid, n.nspname, c.relname, c.reltuples "
    "from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
    f"where c.relkind in {_KINDS} and c.relname = :table and "
)
_VISIBLE = text(f"{_NAMED} pg_catalog.pg_table_is_visible(c.oid)")
_IN_SCHEMA = text(f"{_NAMED} n.nspname = :schema")
_COLUMNS = text(
    "with recursive bases as ("
    "select a.attnum, a.attname, a.attnotnull, a.atttypid as shown, a.atttypmod as shown_modifier, "
    "a.atttypid as oid, a.atttypmod as modifier from pg_catalog.pg_attribute a "
    "where a.attrelid = :oid and a.attnum > 0 and not a.attisdropped "
    "union all "
    "select b.attnum, b.attname, b.attnotnull or t.typnotnull, b.shown, b.shown_modifier, "
    "t.typbasetype, t.typtypmod from bases b join pg_catalog.pg_type t on t.oid = b.oid "
    "where t.typtype = 'd') "
    "select b.attname, pg_catalog.format_type(b.shown, b.shown_modifier), "
    "case when n.nspname = 'pg_catalog' then t.typname else '' end, b.modifier, "
    "case when t.typtype in ('c', 'e', 'r', 'm') then t.typtype::text "
    "when t.typcategory = 'A' then 'A' else 'b' end, b.attnotnull "
    "from bases b join pg_catalog.pg_type t on t.oid = b.oid "
    "join pg_catalog.pg_namespace n on n.oid = t.typnamespace "
    "where t.typtype <> 'd' order by b.attnum"
)
_PRIMARY_KEY = text(
    "select a.attname from pg_catalog.pg_index i "
    "cross join lateral unnest(i.indkey) with ordinality as k(attnum, place) "
    "join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum "
    "where i.indrelid = :oid and i.indisprimary and k.place <= i.indnkeyatts order by k.place"
)


def _find(connection: Connection, relation: str) -> tuple[int, str, str, float] | None:
    """Number, schema, name and estimated rows; a name may itself have a point in it."""
    row = connection.execute(_VISIBLE, {"table": relation}).first()
    if row is None and "." in relation:
        schema, _, table = relation.partition(".")
        row = connection.execute(_IN_SCHEMA, {"schema": schema, "table": table}).first()
    return (int(row[0]), str(row[1]), str(row[2]), float(row[3])) if row else None
