"""MySQL and MariaDB: what their catalog says of a table, and how its rows are read."""

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
from pymysql.cursors import SSCursor
from sqlalchemy import Connection, Engine, text

from lakehouse.connectors.database.dialect import Relation, ServerColumn
from lakehouse.connectors.database.mysql.faults import mysql_faults
from lakehouse.connectors.database.mysql.rows import read_rows
from lakehouse.connectors.database.mysql.snapshot import mysql_snapshot
from lakehouse.connectors.database.mysql.types import quoted, server_column
from lakehouse.connectors.database.mysql.values import values_of
from lakehouse.errors import CatalogInvalid, RelationMissing

NAMES_SHOWN = 30
_ROWS_AT_ONCE = 5_000
_PRIVATE = ("_rfile", "_result", "_force_close")
_DATES = ("date", "datetime", "timestamp")
_FORM_OF_DATES = re.compile(r"[0-9: .-]+")


class MySql:
    """The dialect of MySQL and MariaDB; see `Dialect`."""

    name = "mysql"

    def relations(self, connection: Connection) -> list[str]:
        """Tables and views of the current database."""
        query = text(
            "select table_name from information_schema.tables "
            "where table_schema = database() order by table_name"
        )
        with mysql_faults():
            return [str(row[0]) for row in connection.execute(query)]

    def describe(self, connection: Connection, relation: str) -> Relation:
        """See `Dialect.describe`."""
        with mysql_faults():
            found = _find(connection, relation)
            if found is None:
                raise _missing(relation, self.relations(connection))
            schema, table, rows = found
            named = {"schema": schema, "table": table}
            columns = [tuple(row) for row in connection.execute(_COLUMNS, named)]
            key = [str(row[0]) for row in connection.execute(_PRIMARY_KEY, named)]
        return Relation(
            name=relation,
            quoted=f"{quoted(schema)}.{quoted(table)}",
            columns=tuple(
                server_column(str(name), str(kind), nullable=nullable == "YES", where=relation)
                for name, kind, nullable in columns
            ),
            primary_key=tuple(key),
            estimated_rows=None if rows is None else int(rows),
        )

    def snapshot(
        self, engine: Engine, connections: int
    ) -> AbstractContextManager[list[Connection]]:
        """See `mysql_snapshot`."""
        return mysql_snapshot(engine, connections)

    def batches(
        self, connection: Connection, query: str, columns: Sequence[ServerColumn]
    ) -> Iterator[pa.RecordBatch]:
        """Rows as they come from the socket; an interrupted read closes the connection."""
        driver: Any = connection.connection.driver_connection
        has_socket = all(hasattr(driver, name) for name in _PRIVATE)
        read = _rows_of_socket if has_socket else _rows_of_cursor
        ended = False
        try:
            with mysql_faults():
                yield from read(driver, query, columns)
            ended = True
        finally:
            if not (ended or connection.closed):
                connection.invalidate()

    def literal(self, column: ServerColumn, value: str) -> str:
        """See `Dialect.literal`; the session's sql_mode is empty, so a backslash escapes."""
        kind = _kind(column)
        if kind in _DATES and _FORM_OF_DATES.fullmatch(value):
            return f"cast('{value}' as {'date' if kind == 'date' else 'datetime(6)'})"
        if pa.types.is_string(column.arrow_type) and kind not in _DATES:
            escaped = value.replace("\\", "\\\\").replace("'", "''")
            return f"'{escaped}'"
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal("nan")
        if kind in ("time", "bit") or not number.is_finite():
            raise CatalogInvalid(
                f"Column {column.name} of type {column.server_type} cannot be a cursor or range "
                "column, or the value kept for it is of another type."
            )
        return repr(float(value)) if pa.types.is_floating(column.arrow_type) else f"{number:f}"

    def before(self, column: ServerColumn, literal: str, overlap: float) -> str:
        """See `Dialect.before`; a date goes back by whole days."""
        amount = Decimal(str(overlap))
        if not amount or "'0000-00-00" in literal:
            return literal
        kind = _kind(column)
        if kind in _DATES:
            moment = f"{literal} - interval {int(amount * 1_000_000)} microsecond"
            return f"cast({moment} as date)" if kind == "date" else f"({moment})"
        if pa.types.is_string(column.arrow_type):
            raise CatalogInvalid(
                f"Column {column.name} is text, of which nothing can be taken away: set overlap: 0."
            )
        return f"({literal} - {amount:f})"

    def faults(self) -> AbstractContextManager[None]:
        """See `mysql_faults`."""
        return mysql_faults()


_TABLES = text(
    "select table_schema, table_name, table_rows from information_schema.tables "
    "where table_schema = coalesce(:schema, database()) and table_name = :table"
)
_COLUMNS = text(
    "select column_name, column_type, is_nullable from information_schema.columns "
    "where table_schema = :schema and table_name = :table order by ordinal_position"
)
_PRIMARY_KEY = text(
    "select column_name from information_schema.statistics where table_schema = :schema "
    "and table_name = :table and index_name = 'PRIMARY' order by seq_in_index"
)


def _find(connection: Connection, relation: str) -> tuple[str, str, Any] | None:
    """Schema, name and estimated rows; a name may itself have a point in it."""
    schema, _, table = relation.partition(".")
    for named in ({"schema": None, "table": relation}, {"schema": schema, "table": table}):
        # The catalog may compare without regard to case where the server's files do not.
        rows: list[Any] = list(connection.execute(_TABLES, named))
        exact = [row for row in rows if row[1] == named["table"]]
        if exact or len(rows) == 1:
            found = (exact or rows)[0]
            return str(found[0]), str(found[1]), found[2]
    return None


def _missing(relation: str, known: Sequence[str]) -> RelationMissing:
    shown = ", ".join(known[:NAMES_SHOWN]) or "nothing that this user can see"
    more = f" and {len(known) - NAMES_SHOWN} more" if len(known) > NAMES_SHOWN else ""
    return RelationMissing(f"There is no table or view {relation}. There is: {shown}{more}.")


def _kind(column: ServerColumn) -> str:
    return re.split(r"[(\s]", column.server_type.lower(), maxsplit=1)[0]


def _rows_of_socket(
    driver: Any, query: str, columns: Sequence[ServerColumn]
) -> Iterator[pa.RecordBatch]:
    driver.query(query, unbuffered=True)
    result, ended = driver._result, False
    try:
        yield from read_rows(driver._rfile, columns)
        ended = True
    finally:
        # The driver would wait for the rest of the rows, which may be many or never come.
        result.unbuffered_active, result.connection = False, None
        if not ended:
            driver._force_close()


def _rows_of_cursor(
    driver: Any, query: str, columns: Sequence[ServerColumn]
) -> Iterator[pa.RecordBatch]:
    decoders, driver.decoders = driver.decoders, {}
    try:
        with driver.cursor(SSCursor) as cursor:
            cursor.execute(query)
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                cells = zip(*rows, strict=True)
                arrays = [
                    values_of(column, pa.array(values, pa.binary()))
                    for column, values in zip(columns, cells, strict=True)
                ]
                yield pa.record_batch(arrays, names=[column.name for column in columns])
    finally:
        driver.decoders = decoders
