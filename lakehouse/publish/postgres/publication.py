"""A domain's publication in PostgreSQL: one transaction from the first row to the swap.

Whatever kills it, the server rolls everything back, and readers never saw a part of it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import psycopg
from psycopg import errors
from sqlalchemy import URL

from lakehouse.connectors.database.postgresql.faults import words_of
from lakehouse.errors import AljibeError, ServingUnavailable
from lakehouse.lake.duckdb_extensions import load_extensions
from lakehouse.publish.postgres.checksums import verify
from lakehouse.publish.postgres.load_beside import dress, load_beside, shadow_relation
from lakehouse.publish.postgres.patient_lock import ReaderInTheWay, change_when_free
from lakehouse.publish.postgres.planned_table import PlannedTable, plan, ways_of_replacing
from lakehouse.publish.postgres.published_state import (
    ensure_state,
    is_untouched,
    published_tables_of,
    record_domain,
    take_domain,
)
from lakehouse.publish.postgres.server import (
    Session,
    one_value,
    serving_faults,
    serving_session,
)
from lakehouse.publish.postgres.swap_tables import RemovedTable, Swap
from lakehouse.publish.serving_copy import PreparedCopy
from lakehouse.settings import Settings
from lakehouse.sql_quoting import sql_string


def _unheard(_readers: Sequence[ReaderInTheWay]) -> None:
    """Nobody wants to know who is in the way."""


@dataclass(frozen=True)
class ServingDatabase:
    """A serving database and how to behave there.

    Attributes:
        url: with a user that may create schemas.
        extensions: folder of DuckDB's extensions; see `duckdb_extensions.prepare_extensions`.
        lock_seconds: longest wait for readers of published tables.
        domain_seconds: longest wait for another worker that publishes the domain.
        memory: DuckDB's memory limit, such as `256MB`.
        threads: of DuckDB.
        on_wait: told who is in the way while waiting.
    """

    url: URL
    extensions: Path
    lock_seconds: float = 300
    domain_seconds: float = 7200
    memory: str = "256MB"
    threads: int = 2
    on_wait: Callable[[Sequence[ReaderInTheWay]], None] = _unheard

    @classmethod
    def of(cls, settings: Settings, url: URL) -> "ServingDatabase":
        """The database at a URL, with the waits and limits of the settings."""
        return cls(
            url,
            settings.extensions,
            lock_seconds=settings.serving_lock_seconds,
            domain_seconds=settings.lock_timeout_seconds,
            memory=settings.duckdb_memory,
            threads=settings.duckdb_threads,
        )


@dataclass
class DomainPublication:
    """A publication that is loaded and verified, and shown by `commit`.

    Attributes:
        swap: the change that shows it.
        rows: of each table in PostgreSQL, by `schema.table` of the warehouse.
        warnings: what should be looked at.
    """

    swap: Swap
    database: ServingDatabase
    rows: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def changed(self) -> list[str]:
        """Tables that are replaced, as PostgreSQL names them; the others had their content."""
        return [one.name for one in self.swap.tables if one.step != "keep"]

    def commit(self, run_id: str | None = None) -> None:
        """Put every table in place, in one transaction.

        Raises:
            ServingUnavailable: the server went away, or readers held a table for too long.
            ServingRefused: something needs a table that is replaced and cannot be made again.
            PublishUnverified: a table that had to be filled in place differs.
        """
        swap = self.swap
        with serving_faults(f"{swap.domain} cannot be put in place"):
            change_when_free(
                swap.session,
                swap.change,
                swap.relations,
                wait_seconds=self.database.lock_seconds,
                on_wait=self.database.on_wait,
            )
            record_domain(swap.session, swap.domain, swap.build_id, run_id)
        _commit(swap, self.database.url)
        self.warnings += swap.warnings


def show(session: Session) -> None:
    """Commit: from here on readers see the new state."""
    session.commit()


def _commit(swap: Swap, url: URL) -> None:
    """Commit, and find out what became of it where the server went away meanwhile."""
    with serving_faults(f"{swap.domain} cannot be put in place"):
        transaction = one_value(swap.session, "select txid_current()")
        try:
            show(swap.session)
        except psycopg.Error as error:
            if not swap.session.closed or not _is_committed(url, transaction, error):
                raise


def _is_committed(url: URL, transaction: int, lost: psycopg.Error) -> bool:
    became = "the server does not answer since"
    with suppress(AljibeError), serving_session(url) as session:
        became = str(one_value(session, "select txid_status(%s)", transaction))
    if became in ("committed", "aborted"):
        return became == "committed"
    raise ServingUnavailable(
        f"PostgreSQL: the session ended while it committed ({words_of(lost)}; {became}): whether "
        "readers have the new tables is not known. The next run finds out, and completes it."
    )


@contextmanager
def prepared_publication(
    database: ServingDatabase, domain: str, build_id: str, copy: PreparedCopy
) -> Iterator[DomainPublication]:
    """Load and verify beside what readers see; nothing stays of it unless it is committed.

    Args:
        database: where to.
        domain: whose tables they are; prefix of the schemas.
        build_id: build that made them.
        copy: what the rows are read from.

    Raises:
        PublishRefused: a type or value that PostgreSQL cannot hold, or a view in the way.
        PublishUnverified: what was loaded differs from the copy.
        ServingRefused: the server does not let this user do it.
        ServingUnavailable: the server does not answer, or another worker publishes the domain.
    """
    with serving_session(database.url) as session, _reading(database, copy.file) as source:
        with serving_faults(f"{domain} cannot be prepared"):
            ensure_state(session)
            _wait_for_domain(session, domain, database.domain_seconds)
            states = published_tables_of(session, domain)
            planned = [
                plan(session, source, domain, states, table, signature)
                for table, signature in copy.tables
            ]
            planned = ways_of_replacing(session, planned)
        keys = {one.key for one in planned}
        removed = [
            RemovedTable(*key, state.oid) for key, state in states.items() if key not in keys
        ]
        swap = Swap(session, source, domain, build_id, planned, removed)
        publication = DomainPublication(swap, database)
        swap.tables = [_loaded(publication, table) for table in planned]
        yield publication


@contextmanager
def _reading(database: ServingDatabase, copy: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(copy), read_only=True) as source:
        source.execute(f"set memory_limit = {sql_string(database.memory)}")
        source.execute(f"set threads = {database.threads}")
        source.execute(f"set temp_directory = {sql_string(str(copy.parent / 'spill'))}")
        source.execute("set timezone = 'UTC'")
        load_extensions(source, database.extensions, ["postgres"])
        yield source


def _wait_for_domain(session: Session, domain: str, wait_seconds: float) -> None:
    try:
        take_domain(session, domain, wait_seconds)
    except errors.LockNotAvailable:
        raise ServingUnavailable(
            f"PostgreSQL: another worker has been publishing {domain} for {wait_seconds:.0f} s. "
            "Nothing was published; run again when it is done."
        ) from None


def _loaded(publication: DomainPublication, table: PlannedTable) -> PlannedTable:
    """Load a table beside the one that readers see, unless that has its content already."""
    session, key = publication.swap.session, f"{table.table.schema}.{table.table.name}"
    with serving_faults(f"{table.name} cannot be loaded"):
        publication.rows[key] = table.rows
        if table.step == "keep" and not _untouched(session, table):
            publication.warnings.append(
                f"{table.name} had been changed in PostgreSQL by hand, and was replaced"
            )
            (table,) = ways_of_replacing(session, [replace(table, step="swap")])
        if table.step in ("new", "swap"):
            load_beside(session, publication.swap.source, table)
            publication.rows[key] = verify(
                *(publication.swap.source, table.table.relation, session),
                *(shadow_relation(session, table), table.columns),
                table=table.name,
            )
            return dress(session, table)
        if table.step == "refill":
            publication.warnings.append(
                f"{table.name} was filled while its readers waited, because another user's view "
                "is bound to it"
            )
    return table


def _untouched(session: Session, table: PlannedTable) -> bool:
    return table.before is not None and is_untouched(
        session, table.relation, table.before, table.rows
    )
