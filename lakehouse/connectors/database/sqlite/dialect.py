"""SQLite: types belong to values there, so each table is looked at before it is read.

Affinity and declared types: https://www.sqlite.org/datatype3.html, section 3.1.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine

from lakehouse.connectors.database.dialect import Relation, ServerColumn
from lakehouse.connectors.database.sqlite.faults import sqlite_faults
from lakehouse.connectors.database.sqlite.types import (
    NO_VALUES,
    SqliteColumn,
    StorageClasses,
    server_column,
)
from lakehouse.connectors.database.sqlite.values import bytes_of_text, cells_of
from lakehouse.connectors.database.time_before import moment_before
from lakehouse.errors import CatalogInvalid, DatabaseRefused, RelationMissing
from lakehouse.sql_quoting import sql_identifier, sql_string

NAMES_SHOWN = 30
_ROWS_AT_ONCE = 5_000
# SQLite gives at most 2,000 columns in a row; each column is asked for four classes.
_COLUMNS_AT_ONCE = 400
_TEXT_ONLY = StorageClasses(integer=False, real=False, text=True, blob=False)
_ORDINARY, _GENERATED = 0, (2, 3)


class Sqlite:
    """The dialect of SQLite; see `Dialect`."""

    name = "sqlite"

    def relations(self, connection: Connection) -> list[str]:
        """Tables and views of the file."""
        with sqlite_faults():
            rows = connection.exec_driver_sql(
                "select name from sqlite_master where type in ('table', 'view') "
                "and name not like 'sqlite\\_%' escape '\\' order by name"
            ).all()
        return [str(row[0]) for row in rows]

    def describe(self, connection: Connection, relation: str) -> Relation:
        """See `Dialect.describe`; reads the table once, to see which classes of values it holds."""
        known = self.relations(connection)
        name = _find(relation, known)
        quoted = sql_identifier(name)
        with sqlite_faults():
            described = [
                row
                for row in connection.exec_driver_sql(f"pragma table_xinfo({quoted})").all()
                if row[6] == _ORDINARY or row[6] in _GENERATED
            ]
            if not described:
                raise DatabaseRefused(f"{name} has no columns that can be read.")
            names = [str(row[1]) for row in described]
            rows, classes = _storage_classes(connection, quoted, names)
        key = sorted((row[5], str(row[1])) for row in described if row[5])
        return Relation(
            name=relation,
            quoted=quoted,
            columns=tuple(
                server_column(row[1], row[2] or "", held, nullable=not (row[3] or row[5]))
                for row, held in zip(described, classes, strict=True)
            ),
            primary_key=tuple(name for _, name in key),
            estimated_rows=rows,
        )

    def snapshot(
        self, engine: Engine, connections: int
    ) -> AbstractContextManager[list[Connection]]:
        """One connection in one read transaction, whatever number is asked for."""
        del connections
        return _snapshot(engine)

    def batches(
        self, connection: Connection, query: str, columns: Sequence[ServerColumn]
    ) -> Iterator[pa.RecordBatch]:
        """Rows as they come; a value of a class that the look did not see is an error."""
        driver: Any = connection.connection.driver_connection
        names = [column.name for column in columns]
        with bytes_of_text(driver), sqlite_faults():
            cursor = driver.cursor()
            try:
                cursor.execute(query)
                while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                    cells = zip(*rows, strict=True)
                    arrays = [
                        cells_of(column, values)
                        for column, values in zip(columns, cells, strict=True)
                    ]
                    yield pa.record_batch(arrays, names=names)
            finally:
                cursor.close()

    def literal(self, column: ServerColumn, value: str) -> str:
        """See `Dialect.literal`."""
        if pa.types.is_string(column.arrow_type):
            # A column without any value has no class to disagree with.
            held = column.held if isinstance(column, SqliteColumn) else None
            if held not in (_TEXT_ONLY, NO_VALUES):
                raise CatalogInvalid(
                    f"Column {column.name} holds other values than text, or several classes of "
                    "them, of which none is the greatest; it cannot be a cursor."
                )
            return sql_string(value)
        if pa.types.is_binary(column.arrow_type):
            raise CatalogInvalid(f"Column {column.name} holds bytes; it cannot be a cursor.")
        try:
            is_integer = pa.types.is_integer(column.arrow_type)
            return str(int(value)) if is_integer else repr(float(value))
        except ValueError:
            raise CatalogInvalid(
                f"Column {column.name} held text when it was read last and holds numbers now."
            ) from None

    def before(self, column: ServerColumn, literal: str, overlap: float) -> str:
        """See `Dialect.before`; text must be a date or time in the order of ISO 8601."""
        if not overlap:
            return literal
        if not pa.types.is_string(column.arrow_type):
            return f"({literal} - {overlap:f})"
        text = literal[1:-1].replace("''", "'")
        return sql_string(moment_before(text, overlap, column.name))

    def faults(self) -> AbstractContextManager[None]:
        """See `sqlite_faults`."""
        return sqlite_faults()


@contextmanager
def _snapshot(engine: Engine) -> Iterator[list[Connection]]:
    with sqlite_faults():
        connection = engine.connect()
    try:
        with sqlite_faults():
            connection.exec_driver_sql("begin")
            # The snapshot is taken by the first read, not by BEGIN.
            connection.exec_driver_sql("select count(*) from sqlite_master").all()
        yield [connection]
    finally:
        connection.close()


def _find(relation: str, known: Sequence[str]) -> str:
    plain = relation.removeprefix("main.")
    for wanted in (relation, plain):
        if wanted in known:
            return wanted
    folded = {name.lower(): name for name in known}
    if plain.lower() in folded:
        return folded[plain.lower()]
    shown = ", ".join(known[:NAMES_SHOWN]) or "nothing"
    more = f" and {len(known) - NAMES_SHOWN} more" if len(known) > NAMES_SHOWN else ""
    raise RelationMissing(f"There is no table or view {relation}. There is: {shown}{more}.")


def _storage_classes(
    connection: Connection, quoted: str, names: Sequence[str]
) -> tuple[int, list[StorageClasses]]:
    """Rows of a table, and which classes of values each column holds."""
    classes: list[StorageClasses] = []
    count = 0
    for begin in range(0, len(names), _COLUMNS_AT_ONCE):
        kinds = [
            f"max(typeof({sql_identifier(name)}) = '{kind}')"
            for name in names[begin : begin + _COLUMNS_AT_ONCE]
            for kind in ("integer", "real", "text", "blob")
        ]
        query = f"select count(*), {', '.join(kinds)} from {quoted}"
        options = {"no_parameters": True}
        row = connection.exec_driver_sql(query, execution_options=options).one()
        count, held = int(row[0]), [bool(value) for value in row[1:]]
        classes += [StorageClasses(*held[at : at + 4]) for at in range(0, len(held), 4)]
    return count, classes
