"""The audit database: SQLite beside the lake, or PostgreSQL by URL, always at the newest schema."""

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError
from sqlalchemy.exc import OperationalError as SqlOperationalError

from lakehouse.errors import AuditRefused, AuditTooNew, AuditUnavailable, SettingsInvalid
from lakehouse.lake.file_lock import FileLock, Holder
from lakehouse.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"
_REFUSALS = ("authentication failed", "does not exist", "no pg_hba.conf entry", "permission denied")
_ADVISORY_KEY = 0x616C6A696265  # "aljibe"
_engines: dict[str, Engine] = {}
_guard = threading.Lock()


def audit_engine(settings: Settings) -> Engine:
    """Give the engine of the audit database, migrated; one per URL and process.

    Raises:
        SettingsInvalid: `ALJIBE_AUDIT_URL` is not a URL of SQLite or PostgreSQL.
        AuditUnavailable: the server does not answer, here or at any later use of the engine.
        AuditTooNew: a newer version migrated it.
    """
    url = settings.audit_database_url.get_secret_value()
    with _guard:
        if url not in _engines:
            _engines[url] = migrated_engine(url)
        return _engines[url]


def migrated_engine(url: str) -> Engine:
    """Give a new engine of an audit database, migrated, for the caller to dispose of.

    Raises:
        SettingsInvalid, AuditUnavailable, AuditTooNew: see `audit_engine`.
    """
    engine = _create(url)
    _migrate(engine)
    return engine


def release_audit_engine(settings: Settings) -> None:
    """Close the connections of this process, before the file of the audit database is replaced."""
    url = settings.audit_database_url.get_secret_value()
    with _guard:
        engine = _engines.pop(url, None)
    if engine is not None:
        engine.dispose()


def _create(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsInvalid(
            "ALJIBE_AUDIT_URL is not a database URL; quote special characters of the password."
        ) from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise SettingsInvalid("ALJIBE_AUDIT_URL: SQLite needs a file, as in sqlite:///a.db.")
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed.set(drivername="sqlite"), connect_args={"timeout": 60})
        event.listen(engine, "connect", _sqlite_pragmas)
        event.listen(engine, "begin", _sqlite_begin)
    elif backend == "postgresql":
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10},
        )
    else:
        raise SettingsInvalid(
            f"ALJIBE_AUDIT_URL: {parsed.drivername} is not supported; use sqlite or postgresql."
        )
    event.listen(engine, "handle_error", _explain)
    return engine


def _explain(context: ExceptionContext) -> None:
    error = context.sqlalchemy_exception
    if isinstance(error, SqlOperationalError | InterfaceError) and context.engine is not None:
        raise _unavailable(context.engine, error) from None


def _sqlite_pragmas(connection: object, _record: object) -> None:
    # The driver's own implicit transactions would start read-only and fail to upgrade.
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    # A transaction that reads before it writes would fail at once where others write.
    mode = connection.get_execution_options().get("sqlite_begin", "IMMEDIATE")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    head = ScriptDirectory.from_config(config).get_current_head()
    shown = engine.url.render_as_string(hide_password=True)
    try:
        if engine.dialect.name == "sqlite":
            # Beside the file: homes may share a database. It covers the switch to WAL too.
            lock = Path(f"{engine.url.database}.migration.lock")
            with FileLock(lock, Holder.of_this_process("migration"), timeout=120):
                _upgrade(engine, config, head)
        elif _revision(engine) != head:
            with engine.connect() as connection:
                connection.execute(text("select pg_advisory_lock(:key)"), {"key": _ADVISORY_KEY})
                try:
                    _upgrade(engine, config, head)
                finally:
                    connection.execute(
                        text("select pg_advisory_unlock(:key)"), {"key": _ADVISORY_KEY}
                    )
    except CommandError as error:
        raise AuditTooNew(
            f"The audit database {shown} has a schema that this version of Aljibe does not know "
            f"({error}). Install the version that was here before, or a newer one."
        ) from None
    except DBAPIError as error:
        raise _unavailable(engine, error) from None


def _upgrade(engine: Engine, config: Config, head: str | None) -> None:
    if _revision(engine) == head:
        return
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _unavailable(engine: Engine, error: DBAPIError) -> AuditUnavailable | AuditRefused:
    shown = engine.url.render_as_string(hide_password=True)
    cause = str(error.orig).strip().splitlines()[0] if error.orig else "no answer"
    # The client library gives no code for a refused connection, only the server's words.
    kind = AuditRefused if any(words in cause for words in _REFUSALS) else AuditUnavailable
    return kind(
        f"The audit database {shown} cannot be used: {cause}. "
        "Check that it runs and that ALJIBE_AUDIT_URL is right."
    )
