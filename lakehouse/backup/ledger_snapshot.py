"""The audit database as one SQLite file of one moment, and back into SQLite or PostgreSQL.

The file is the same whichever database it comes from, so that a backup also moves a ledger from one
to the other.
"""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Connection, Engine, delete, func, insert, select, text

from lakehouse.errors import BackupDamaged
from lakehouse.lake.audit_database import migrated_engine
from lakehouse.lake.audit_schema import batches, builds, deliveries, metadata
from lakehouse.lake.duckdb_session import resources_suffice
from lakehouse.lake.durable_files import publish_file, sync

_ROWS_AT_ONCE = 1_000
# Whoever holds a lock at a moment is nobody at another.
COPIED = [table for table in metadata.sorted_tables if not table.info.get("of_this_moment")]


def take_snapshot(engine: Engine, file: Path) -> None:
    """Write the audit database as it is at one moment; others go on writing it.

    Args:
        engine: of the audit database.
        file: SQLite file to be; what is there is replaced.

    Raises:
        ResourcesExhausted: the disk is full.
    """
    file.unlink(missing_ok=True)
    with resources_suffice("copy of the audit database"), _disk_suffices():
        if engine.dialect.name == "sqlite":
            _copy_sqlite(engine, file)
        else:
            _copy_tables(engine, file)
        _in_one_file(file)
        sync(file)


def restore_snapshot(file: Path, engine: Engine) -> None:
    """Replace all rows of an audit database by those of a snapshot, in one transaction.

    Args:
        file: a snapshot of this version's schema; see `migrate_snapshot`.
        engine: of the audit database, migrated.
    """
    source = migrated_engine(sqlite_url(file))
    try:
        with source.connect() as reader, engine.begin() as writer:
            for table in reversed(COPIED):
                writer.execute(delete(table))
            _copy_rows(reader, writer)
            if engine.dialect.name == "postgresql":
                _set_sequences(writer)
    finally:
        source.dispose()


def put_in_place(file: Path, database: Path) -> None:
    """Make a snapshot the SQLite audit database, whole or not at all; nobody may have it open."""
    for suffix in ("-wal", "-shm"):
        # Of the file that goes: SQLite would take them for the new one's.
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    publish_file(file, database)


def migrate_snapshot(file: Path) -> None:
    """Bring a snapshot to the schema of this version.

    Raises:
        AuditTooNew: a newer version of Aljibe made it.
        BackupDamaged: it is no SQLite database, or a damaged one.
    """
    try:
        with closing(sqlite3.connect(file)) as connection:
            (said,) = connection.execute("pragma integrity_check").fetchone()
    except sqlite3.DatabaseError as error:
        raise BackupDamaged(f"The ledger of the backup cannot be read: {error}.") from None
    if said != "ok":
        raise BackupDamaged(f"The ledger of the backup is damaged: {said}.")
    migrated_engine(sqlite_url(file)).dispose()
    _in_one_file(file)
    Path(f"{file}.migration.lock").unlink(missing_ok=True)
    sync(file)


def paths_in(file: Path) -> list[tuple[str, int]]:
    """Path below RAW and bytes of every batch that a snapshot names, sorted."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("select path, bytes from batches order by path").fetchall()


def revision_of(file: Path) -> str:
    """Revision of the schema of a snapshot."""
    with closing(sqlite3.connect(file)) as connection:
        (revision,) = connection.execute("select version_num from alembic_version").fetchone()
    return str(revision)


def is_empty(engine: Engine) -> bool:
    """Whether an audit database knows of no delivery, batch or build."""
    with engine.connect() as connection:
        return all(
            connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
            for table in (deliveries, batches, builds)
        )


def sqlite_url(file: Path) -> str:
    """SQLAlchemy URL of a SQLite file."""
    return URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)


@contextmanager
def _disk_suffices() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" not in str(error):
            raise
        raise OSError(errno.ENOSPC, "No space left on device") from error


def _copy_sqlite(engine: Engine, file: Path) -> None:
    borrowed = engine.raw_connection()
    try:
        with closing(sqlite3.connect(file)) as copy:
            driver = borrowed.driver_connection
            if driver is None:
                raise RuntimeError("the pool gave a closed connection")
            driver.backup(copy)
    finally:
        borrowed.close()


def _copy_tables(engine: Engine, file: Path) -> None:
    target = migrated_engine(sqlite_url(file))
    one_moment = engine.execution_options(isolation_level="REPEATABLE READ")
    try:
        with one_moment.connect() as reader, target.begin() as writer:
            reader.execute(text("set transaction read only"))
            source = MigrationContext.configure(reader).get_current_revision()
            if source != (here := MigrationContext.configure(writer).get_current_revision()):
                raise BackupDamaged(
                    f"The audit database changed its schema from {here} to {source} meanwhile. "
                    "Run the backup again with the version that did so."
                )
            _copy_rows(reader, writer)
    finally:
        target.dispose()
        Path(f"{file}.migration.lock").unlink(missing_ok=True)


def _copy_rows(reader: Connection, writer: Connection) -> None:
    for table in COPIED:
        rows = reader.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(table))
        for part in rows.mappings().partitions(_ROWS_AT_ONCE):
            writer.execute(insert(table), [dict(row) for row in part])


def _set_sequences(writer: Connection) -> None:
    for table in COPIED:
        column = table.autoincrement_column
        if column is None:
            continue
        newest = writer.execute(select(func.max(column))).scalar()
        writer.execute(
            text("select setval(pg_get_serial_sequence(:table, :column), :value, :used)"),
            {
                "table": table.name,
                "column": column.name,
                "value": newest or 1,
                "used": newest is not None,
            },
        )


def _in_one_file(file: Path) -> None:
    """Leave nothing in a write-ahead log beside the file."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("pragma journal_mode = delete")
    for suffix in ("-wal", "-shm"):
        beside = Path(f"{file}{suffix}")
        if beside.exists():
            os.unlink(beside)  # noqa: PTH108
