"""A lock of several hosts: an advisory lock of a PostgreSQL session, which dies with the session.

The server decides, by the session alone: it ends when the last process that has its socket open is
gone, or when its host does not answer for half a minute. Who holds the lock is told by a row
beside it. The row also counts: whoever takes the lock gets the next token, and a transaction that
confirms its token cannot commit after another has taken the lock.
https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from types import TracebackType
from typing import Any

import psycopg
from psycopg.rows import class_row
from sqlalchemy import Connection, Engine, select

from lakehouse.errors import AuditUnavailable, LockLost
from lakehouse.lake.audit_schema import locks
from lakehouse.lake.file_lock import Holder, moment_now, wait_for

# Both ends notice a peer that vanished without a word after 10 + 3 * 5 s.
_IDLE, _INTERVAL, _COUNT = 10, 5, 3
_KERNEL = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": _IDLE,
    "keepalives_interval": _INTERVAL,
    "keepalives_count": _COUNT,
    "tcp_user_timeout": 1000 * (_IDLE + _INTERVAL * _COUNT),
}
_SERVER = {
    "application_name": "aljibe lock",
    "tcp_keepalives_idle": str(_IDLE),
    "tcp_keepalives_interval": str(_INTERVAL),
    "tcp_keepalives_count": str(_COUNT),
    "tcp_user_timeout": str(1000 * (_IDLE + _INTERVAL * _COUNT)),
    # A lock is held by a session that says nothing for hours.
    "idle_session_timeout": "0",
    "statement_timeout": "0",
}
# Those that the server knows: older ones lack some.
_SET = """
    select count(set_config(known.name, wanted.value, false))
    from pg_settings as known
    inner join unnest(%s::text[], %s::text[]) as wanted (name, value) on wanted.name = known.name
"""
_TAKE = """
    insert into locks as held (name, token, run, pid, host, since)
    values (%(name)s, 1, %(run)s, %(pid)s, %(host)s, %(since)s)
    on conflict (name) do update set token = held.token + 1, run = excluded.run,
        pid = excluded.pid, host = excluded.host, since = excluded.since
    returning token
"""
_WHO = "select run, pid, host, since from locks where name = %s and run is not null"
_IS_HELD = """
    select exists (
        select from pg_locks
        where locktype = 'advisory' and granted and objsubid = 1
            and database = (select oid from pg_database where datname = current_database())
            and classid = %s::bigint::oid and objid = %s::bigint::oid
    )
"""


class SessionLock:
    """Exclusive lock of a name in an audit database, waited for with a message.

    Args:
        engine: of an audit database on PostgreSQL.
        name: of what is locked.
        holder: what others are told meanwhile.
        timeout: seconds to wait before `LockWaitTooLong`; 0 tries once.
        on_wait: called with the holder when waiting starts, and every 30 s after.

    Attributes:
        left_behind: the holder that ended without releasing, if there was one.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        holder: Holder,
        *,
        timeout: float,
        on_wait: Callable[[Holder | None], None] | None = None,
    ) -> None:
        self.name = name
        self.left_behind: Holder | None = None
        self._engine = engine
        self._holder = holder
        self._timeout = timeout
        self._on_wait = on_wait
        self._session: psycopg.Connection[Any] | None = None
        self._token = 0

    @property
    def is_held(self) -> bool:
        """Whether this object took the lock and has not let it go; see `assert_held`."""
        return self._session is not None

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The session's socket: a child that inherits it keeps the lock until it ends too."""
        return (self._held().fileno(),)

    def assert_held(self) -> None:
        """Make sure that the session lives, and with it the lock.

        Raises:
            LockLost: it does not.
        """
        try:
            self._held().execute("select 1")
        except psycopg.Error:
            raise self._lost() from None

    def confirm(self, connection: Connection) -> None:
        """Bind a transaction to the lock: it commits only if nobody took the lock since.

        Args:
            connection: to the same audit database, in the transaction.

        Raises:
            LockLost: another holder has or had the lock.
        """
        asked = select(locks.c.token).where(locks.c.name == self.name).with_for_update(read=True)
        if connection.execute(asked).scalar_one_or_none() != self._token:
            raise self._lost()

    def __enter__(self) -> "SessionLock":
        with _faults(f"The lock {self.name} cannot be taken"):
            session = _open(self._engine)
            try:
                wait_for(
                    lambda: _first(session, "select pg_try_advisory_lock(%s)", [_key(self.name)]),
                    lambda: _who(session, self.name),
                    name=self.name,
                    timeout=self._timeout,
                    on_wait=self._on_wait,
                )
                self.left_behind = _who(session, self.name)
                holder = replace(self._holder, since=moment_now())
                self._token = _first(session, _TAKE, {"name": self.name, **asdict(holder)})
            except BaseException:
                session.close()
                raise
        self._session = session
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        session, self._session = self._held(), None
        # A session that is gone has let the lock go; what it protected was confirmed, or was not.
        with suppress(psycopg.Error):
            session.execute(
                "update locks set run = null, pid = null, host = null, since = null "
                "where name = %s and token = %s",
                [self.name, self._token],
            )
        session.close()

    def _held(self) -> "psycopg.Connection[Any]":
        if self._session is None:
            raise RuntimeError(f"{self.name} is not held")
        return self._session

    def _lost(self) -> LockLost:
        return LockLost(
            f"The lock {self.name} was lost: the session with the audit database ended, or another "
            "process has the lock now. Nothing was committed since; run again."
        )


def session_holder(engine: Engine, name: str) -> Holder | None:
    """Tell who holds the lock of a name right now; None when it is free."""
    key = _key(name)
    with _faults(f"The lock {name} cannot be looked at"), _open(engine) as session:
        if not _first(session, _IS_HELD, [key >> 32 & 0xFFFFFFFF, key & 0xFFFFFFFF]):
            return None
        return _who(session, name) or Holder("an unnamed process", 0, "unknown", "unknown")


def _open(engine: Engine) -> "psycopg.Connection[Any]":
    url = engine.url
    given = {**url.translate_connect_args(username="user", database="dbname"), **url.query}
    session = psycopg.connect(**{**_KERNEL, **given}, autocommit=True)
    try:
        session.execute(_SET, [list(_SERVER), list(_SERVER.values())])
    except BaseException:
        session.close()
        raise
    return session


def _first(session: "psycopg.Connection[Any]", query: str, values: Any) -> Any:
    row = session.execute(query.encode(), values).fetchone()
    return row[0] if row else None


def _who(session: "psycopg.Connection[Any]", name: str) -> Holder | None:
    with session.cursor(row_factory=class_row(Holder)) as cursor:
        return cursor.execute(_WHO, [name]).fetchone()


def _key(name: str) -> int:
    """A signed number of 64 bits, as advisory locks are named."""
    digest = hashlib.sha256(f"aljibe {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


@contextmanager
def _faults(what: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        cause = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise AuditUnavailable(
            f"{what}: {cause}. Check that the audit database runs and that ALJIBE_AUDIT_URL is "
            "right."
        ) from None
