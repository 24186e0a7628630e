"""Connections to a database by its URL, with time-outs on the socket, and the URL's dialect."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.pool import NullPool

from lakehouse.connectors.database.dialect import Dialect
from lakehouse.connectors.database.sqlite.file import read_only
from lakehouse.errors import DatabaseRefused

CONNECT_SECONDS = 10
READ_SECONDS = 1800

# Loaded when needed: a lake of one kind of database needs the driver of no other.
_DIALECTS = {
    "mysql": ("mysql.dialect", "MySql"),
    "mariadb": ("mysql.dialect", "MySql"),
    "postgresql": ("postgresql.dialect", "PostgreSql"),
    "sqlite": ("sqlite.dialect", "Sqlite"),
}
_GENERIC = ("generic", "Generic")


def dialect_of(url: URL) -> Dialect:
    """What is known of the kind of server that a URL names; the generic one for any other."""
    module, name = _DIALECTS.get(url.get_backend_name(), _GENERIC)
    dialect: Dialect = getattr(import_module(f"lakehouse.connectors.database.{module}"), name)()
    return dialect


def make_engine(url: URL) -> Engine:
    """Make connections to a database: never pooled, never waited for without end.

    A connection that does not come within 10 s, or says nothing for 30 minutes, is an error.

    Raises:
        DatabaseRefused: no driver is installed for it, or it names a SQLite file that is not there.
    """
    try:
        return create_engine(
            _as_opened(url),
            poolclass=NullPool,
            connect_args=_driver_options(url),
            hide_parameters=True,
        )
    except (NoSuchModuleError, ModuleNotFoundError):
        raise DatabaseRefused(
            f"There is no driver for {url.drivername}. Install the package of its SQLAlchemy "
            "dialect, or correct the beginning of the URL."
        ) from None


def sql_name(engine: Engine, name: str) -> str:
    """Quote a column of any name for SQL that is sent without parameters."""
    preparer = engine.dialect.identifier_preparer
    quoted = preparer.quote_identifier(name)
    # Some drivers look for parameters in all SQL, for which the preparer doubles every %.
    return quoted.replace("%%", "%") if "%%" in preparer.quote_identifier("%") else quoted


def run_row(connection: Connection, query: str) -> Sequence[Any]:
    """First row of a query that is sent as it is written, without parameters."""
    row = connection.exec_driver_sql(query, execution_options={"no_parameters": True}).first()
    return tuple(row) if row else ()


def _as_opened(url: URL) -> URL:
    if url.get_backend_name() == "sqlite":
        return read_only(url)
    if url.get_backend_name() not in ("mysql", "mariadb"):
        return url
    return url.update_query_dict({"charset": "utf8mb4"})


def _driver_options(url: URL) -> dict[str, Any]:
    driver = url.get_driver_name()
    if driver == "pymysql":
        # A server could ask for any file of ours if it were allowed to.
        options: dict[str, Any] = {
            "local_infile": False,
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "write_timeout": CONNECT_SECONDS,
        }
        if url.password:
            # The driver would send text in Latin-1, whatever the connection's character set is.
            options["password"] = str(url.password).encode()
        return options
    if driver in ("psycopg", "psycopg2"):
        # libpq has no time-out for reading: a dead peer is found by what the kernel sends it.
        return {
            "connect_timeout": CONNECT_SECONDS,
            "keepalives": 1,
            "keepalives_idle": 60,
            "keepalives_interval": 10,
            "keepalives_count": 6,
            "tcp_user_timeout": 120_000,
        }
    if url.get_backend_name() == "sqlite":
        return {"timeout": CONNECT_SECONDS}
    return {}
