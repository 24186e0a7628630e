"""Connections to MySQL or MariaDB that see one state of the database and only read it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from pymysql.err import Error as DriverError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from lakehouse.connectors.database.mysql.faults import mysql_faults
from lakehouse.connectors.database.mysql.types import quoted

# While a write lock is waited for, everybody else's writes wait behind it.
_LOCK_SECONDS = 5
# One connection may have nothing to say while another reads a large table.
_IDLE_SECONDS = 86_400
_STALLED_SECONDS = 600

_SESSION = (
    "set names utf8mb4",
    "set session time_zone = '+00:00', sql_mode = '', sql_select_limit = default, "
    f"wait_timeout = {_IDLE_SECONDS}, net_write_timeout = {_STALLED_SECONDS}, "
    f"lock_wait_timeout = {_LOCK_SECONDS}",
    "set session transaction isolation level repeatable read",
)
_START = "start transaction with consistent snapshot, read only"
_SYSTEM_SCHEMAS = "('information_schema', 'mysql', 'performance_schema', 'sys')"


@contextmanager
def mysql_snapshot(engine: Engine, connections: int) -> Iterator[list[Connection]]:
    """Open connections whose transactions began between the same two writes.

    Several need the right RELOAD, or LOCK TABLES on every table that this user sees; without,
    there is one.

    Raises:
        DatabaseRefused, DatabaseUnavailable: see `mysql_faults`.
    """
    opened: list[Connection] = []
    try:
        with mysql_faults():
            for _ in range(max(1, connections)):
                opened.append(engine.connect())
                _run(opened[-1], *_SESSION)
            if len(opened) > 1 and not _start_together(engine, opened):
                while len(opened) > 1:
                    opened.pop().close()
            if len(opened) == 1:
                _run(opened[0], _START)
        yield opened
    except BaseException:
        for connection in opened:
            # Nothing was written, so there is nothing to undo on a server that may be gone.
            connection.invalidate()
        raise
    finally:
        for connection in opened:
            with suppress(DBAPIError, DriverError, OSError):
                connection.close()


def _start_together(engine: Engine, connections: list[Connection]) -> bool:
    with engine.connect() as guard:
        _run(guard, *_SESSION)
        if not _lock(guard):
            return False
        try:
            for connection in connections:
                _run(connection, _START)
        finally:
            _run(guard, "unlock tables")
    return True


def _lock(guard: Connection) -> bool:
    """Keep writers out for a moment; False where this user may not, or has to wait too long."""
    try:
        _run(guard, "flush tables with read lock")
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
    else:
        return True
    tables = guard.execute(
        text(
            "select table_schema, table_name from information_schema.tables "
            f"where table_type = 'BASE TABLE' and table_schema not in {_SYSTEM_SCHEMAS}"
        )
    ).all()
    if not tables:
        return False
    locks = ", ".join(f"{quoted(str(schema))}.{quoted(str(name))} read" for schema, name in tables)
    try:
        _run(guard, f"lock tables {locks}")
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return False
    return True


def _run(connection: Connection, *statements: str) -> None:
    options: dict[str, Any] = {"no_parameters": True}
    for statement in statements:
        connection.exec_driver_sql(statement, execution_options=options)
