"""The audit database: SQLite beside the lake, or PostgreSQL by URL, always at the newest schema."""

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import OperationalError as SqlOperationalError

from lakehouse.errors import AuditUnavailable, SettingsInvalid
from lakehouse.lake.file_lock import FileLock, Holder
from lakehouse.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_KEY = 0x616C6A696265  # "aljibe"
_engines: dict[str, Engine] = {}
_guard = threading.Lock()


def audit_engine(settings: Settings) -> Engine:
    """Give the engine of the audit database, migrated; one per URL and process.

    Raises:
        SettingsInvalid: `ALJIBE_AUDIT_URL` is not a URL of SQLite or PostgreSQL.
        AuditUnavailable: the server does not answer.
    """
    url = settings.audit_database_url.get_secret_value()
    with _guard:
        if url not in _engines:
            engine = _create(url)
            _migrate(engine, settings)
            _engines[url] = engine
        return _engines[url]


def _create(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SettingsInvalid("ALJIBE_AUDIT_URL is not a database URL.") from None
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, connect_args={"timeout": 60})
        event.listen(engine, "connect", _sqlite_pragmas)
        event.listen(engine, "begin", _sqlite_begin)
        return engine
    if parsed.get_backend_name() == "postgresql":
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        return create_engine(parsed, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    raise SettingsInvalid(
        f"ALJIBE_AUDIT_URL: {parsed.drivername} is not supported; use sqlite or postgresql."
    )


def _sqlite_pragmas(connection: object, _record: object) -> None:
    # The driver's own implicit transactions would start read-only and fail to upgrade.
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(engine: Engine, settings: Settings) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    head = ScriptDirectory.from_config(config).get_current_head()
    try:
        if _revision(engine) == head:
            return
        if engine.dialect.name == "sqlite":
            lock = settings.root / "locks" / "audit-migration.lock"
            with FileLock(lock, Holder.of_this_process("migration"), timeout=120):
                _upgrade(engine, config, head)
        else:
            with engine.connect() as connection:
                connection.execute(text("select pg_advisory_lock(:key)"), {"key": _ADVISORY_KEY})
                try:
                    _upgrade(engine, config, head)
                finally:
                    connection.execute(
                        text("select pg_advisory_unlock(:key)"), {"key": _ADVISORY_KEY}
                    )
    except SqlOperationalError as error:
        raise _unavailable(engine, error) from None
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


def _unavailable(engine: Engine, error: DBAPIError) -> AuditUnavailable:
    shown = engine.url.render_as_string(hide_password=True)
    cause = str(error.orig).strip().splitlines()[0] if error.orig else "no answer"
    return AuditUnavailable(
        f"The audit database {shown} cannot be used: {cause}. "
        "Check that it runs and that ALJIBE_AUDIT_URL is right."
    )
