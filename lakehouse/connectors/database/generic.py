"""Any other database that SQLAlchemy has a dialect for: slow, but nothing is lost.

Tables are described by reflection, rows are streamed as the driver gives them, and what is none of
SQLAlchemy's generic types becomes text.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
from sqlalchemy import Connection, Engine, inspect, types
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    NoSuchTableError,
    OperationalError,
    SQLAlchemyError,
)

from lakehouse.connectors.database.dialect import Relation, ServerColumn
from lakehouse.connectors.database.time_before import moment_before
from lakehouse.errors import (
    AljibeError,
    CatalogInvalid,
    DatabaseRefused,
    DatabaseUnavailable,
    RelationMissing,
)
from lakehouse.sql_quoting import sql_string

NAMES_SHOWN = 30
MOST_DECIMAL_DIGITS = 38
_ROWS_AT_ONCE = 5_000

_PLAIN: tuple[tuple[type[types.TypeEngine[Any]], str, pa.DataType], ...] = (
    (types.Boolean, "boolean", pa.bool_()),
    (types.SmallInteger, "bigint", pa.int64()),
    (types.Integer, "bigint", pa.int64()),
    (types.Float, "double", pa.float64()),
    (types.LargeBinary, "blob", pa.binary()),
    (types.DateTime, "timestamp", pa.string()),
    (types.Date, "date", pa.string()),
    (types.Time, "time", pa.string()),
    (types.JSON, "json", pa.string()),
)


class Generic:
    """The dialect of a database that is known to SQLAlchemy only; see `Dialect`."""

    name = "generic"

    def relations(self, connection: Connection) -> list[str]:
        """Tables and views of the default schema."""
        with generic_faults():
            found = inspect(connection)
            return sorted([*found.get_table_names(), *found.get_view_names()])

    def describe(self, connection: Connection, relation: str) -> Relation:
        """See `Dialect.describe`."""
        preparer = connection.dialect.identifier_preparer
        with generic_faults():
            found = inspect(connection)
            for schema, table in _names(relation, found.get_schema_names()):
                try:
                    described = found.get_columns(table, schema=schema)
                    key = found.get_pk_constraint(table, schema=schema)["constrained_columns"]
                except NoSuchTableError:
                    continue
                if described:
                    break
            else:
                raise self._missing(connection, relation)
        parts = [part for part in (schema, table) if part]
        return Relation(
            name=relation,
            quoted=".".join(preparer.quote(part) for part in parts),
            columns=tuple(
                _server_column(column, preparer.quote(column["name"])) for column in described
            ),
            primary_key=tuple(key),
            estimated_rows=None,
        )

    def _missing(self, connection: Connection, relation: str) -> RelationMissing:
        known = self.relations(connection)
        shown = ", ".join(known[:NAMES_SHOWN]) or "nothing that this user can see"
        more = f" and {len(known) - NAMES_SHOWN} more" if len(known) > NAMES_SHOWN else ""
        return RelationMissing(f"There is no table or view {relation}. There is: {shown}{more}.")

    def snapshot(
        self, engine: Engine, connections: int
    ) -> AbstractContextManager[list[Connection]]:
        """One connection, with the strictest reading that the database has."""
        del connections
        return _snapshot(engine)

    def batches(
        self, connection: Connection, query: str, columns: Sequence[ServerColumn]
    ) -> Iterator[pa.RecordBatch]:
        """Rows in the driver's own values."""
        options = {"no_parameters": True, "stream_results": True, "yield_per": _ROWS_AT_ONCE}
        names = [column.name for column in columns]
        with generic_faults():
            result = connection.exec_driver_sql(query, execution_options=options)
            for rows in result.partitions(_ROWS_AT_ONCE):
                cells = zip(*rows, strict=True)
                yield pa.record_batch(
                    [_cells(column, v) for column, v in zip(columns, cells, strict=True)],
                    names=names,
                )

    def literal(self, column: ServerColumn, value: str) -> str:
        """See `Dialect.literal`."""
        kind = column.arrow_type
        if column.data_type.startswith("decimal"):
            raise CatalogInvalid(
                f"Column {column.name} of type {column.server_type} cannot be a cursor: what is "
                "kept of it is text. Read a view that makes an integer or a time of it."
            )
        try:
            if pa.types.is_integer(kind):
                return str(int(value))
            if pa.types.is_floating(kind):
                return repr(float(value))
        except ValueError:
            raise CatalogInvalid(
                f"The cursor kept for column {column.name} is of another type than it has now."
            ) from None
        words = {"date": "date ", "timestamp": "timestamp "}
        return words.get(column.data_type, "") + sql_string(value)

    def before(self, column: ServerColumn, literal: str, overlap: float) -> str:
        """See `Dialect.before`."""
        if not overlap:
            return literal
        if not pa.types.is_string(column.arrow_type):
            return f"({literal} - {overlap:f})"
        word, _, quoted = literal.partition("'")
        text = quoted[:-1].replace("''", "'")
        return word + sql_string(moment_before(text, overlap, column.name))

    def faults(self) -> AbstractContextManager[None]:
        """See `generic_faults`."""
        return generic_faults()


@contextmanager
def generic_faults() -> Iterator[None]:
    """Raise `DatabaseUnavailable` for operational errors and `DatabaseRefused` for all others."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        fault = _as_ours(error)
    else:
        return
    # Outside of the handler: the driver's error, whose traceback has the connection, stays behind.
    raise fault from None


def _as_ours(error: Exception) -> AljibeError:
    cause = error.orig if isinstance(error, DBAPIError) else error
    lines = str(cause).strip().splitlines()
    said = lines[0].rstrip(". ") if lines else type(cause).__name__
    if isinstance(error, OperationalError | InterfaceError | OSError):
        return DatabaseUnavailable(f"The database cannot be read now: {said}.")
    return DatabaseRefused(f"The database refused: {said}.")


@contextmanager
def _snapshot(engine: Engine) -> Iterator[list[Connection]]:
    with generic_faults():
        connection = engine.connect()
    try:
        with generic_faults():
            levels = _levels(connection)
            wanted = ("REPEATABLE READ", "SNAPSHOT", "SERIALIZABLE")
            best = next((level for level in wanted if level in levels), None)
            if best:
                connection.execution_options(isolation_level=best)
        yield [connection]
    finally:
        connection.close()


def _levels(connection: Connection) -> Sequence[str]:
    try:
        return connection.dialect.get_isolation_level_values(connection.connection)
    except NotImplementedError:
        return ()


def _names(relation: str, schemas: Sequence[str]) -> list[tuple[str | None, str]]:
    """Schema and table; a name may itself have a point in it."""
    schema, _, table = relation.partition(".")
    return [(None, relation), *([(schema, table)] if schema in schemas and table else [])]


def _server_column(column: Any, quoted: str) -> ServerColumn:
    kind = column["type"]
    data_type, arrow_type = _type(kind)
    shown = str(kind) if not isinstance(kind, types.NullType) else "unknown"
    return ServerColumn(
        column["name"], shown, arrow_type, quoted, data_type, bool(column.get("nullable", True))
    )


def _type(kind: types.TypeEngine[Any]) -> tuple[str, pa.DataType]:
    for known, data_type, arrow_type in _PLAIN:
        if isinstance(kind, known):
            return data_type, arrow_type
    if isinstance(kind, types.Numeric) and kind.precision:
        precision, scale = kind.precision, kind.scale or 0
        if precision <= MOST_DECIMAL_DIGITS and 0 <= scale <= precision:
            # As text, for a driver may give binary numbers for them.
            return f"decimal({precision},{scale})", pa.string()
    return "varchar", pa.string()


def _cells(column: ServerColumn, values: Sequence[Any]) -> "pa.Array[Any]":
    if pa.types.is_string(column.arrow_type):
        return pa.array([_text(value) for value in values], pa.string())
    try:
        if pa.types.is_boolean(column.arrow_type):
            values = [None if value is None else bool(value) for value in values]
        return pa.array(values, column.arrow_type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        raise DatabaseRefused(
            f"Column {column.name} of type {column.server_type} holds a value that is no "
            f"{column.data_type}. Read a view that converts it to text, named as relation."
        ) from None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    for kinds, written in _WRITTEN:
        if isinstance(value, kinds):
            return written(value)
    return str(value)


_WRITTEN: tuple[tuple[tuple[type, ...], Callable[[Any], str]], ...] = (
    ((datetime,), lambda value: value.isoformat(" ")),
    ((date, time), lambda value: value.isoformat()),
    ((Decimal,), lambda value: f"{value:f}"),
    ((float,), lambda value: f"{Decimal(repr(value)):f}"),
    ((bytes, bytearray, memoryview), lambda value: bytes(value).hex()),
    ((dict, list, tuple), lambda value: json.dumps(value, default=str, ensure_ascii=False)),
    ((UUID,), str),
)
