"""Changes of tables that others read: tried for a moment, given up, and tried again.

Who waits for an exclusive lock makes every later reader wait behind it. So the wait is short, and
shorter than the time after which the server looks for deadlocks: a reader is never the victim.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg import errors, sql
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from lakehouse.errors import ServingUnavailable
from lakehouse.publish.postgres.server import Session, one_value, run

_LONGEST_TRY_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5
_HOLDERS: LiteralString = """
    select distinct l.relation::regclass::text, a.pid, a.usename, a.application_name,
        coalesce(host(a.client_addr), ''), coalesce(a.state, ''),
        coalesce(extract(epoch from clock_timestamp() - a.xact_start), 0)
    from pg_catalog.pg_locks l
    join pg_catalog.pg_stat_activity a on a.pid = l.pid
    where l.granted and l.relation = any(%s) and l.pid <> pg_backend_pid()
    order by 2, 1"""


@dataclass(frozen=True)
class ReaderInTheWay:
    """A session that holds a table; what it runs is not told, for that may quote values."""

    relation: str
    pid: int
    user: str
    application: str
    host: str
    state: str
    seconds: float

    def __str__(self) -> str:
        where = f" from {self.host}" if self.host else ""
        by = f" ({self.application})" if self.application else ""
        return (
            f"pid {self.pid}, {self.user}{by}{where}, holds {self.relation}, "
            f"{self.state or 'state unknown'}, transaction open for {self.seconds:.0f} s"
        )


class MomentaryLock:
    """A try: its statements wait for locks until the moment is over, all of them together."""

    def __init__(self, session: Session, seconds: float) -> None:
        self._session = session
        self._until = time.monotonic() + seconds

    def run(self, statement: sql.Composable) -> None:
        """Run a statement that takes a lock.

        Raises:
            psycopg.errors.LockNotAvailable: the moment is over.
        """
        left = max(1, int((self._until - time.monotonic()) * 1000))
        self._session.execute("select set_config('lock_timeout', %s, true)", [f"{left}ms"])
        run(self._session, statement)


def change_when_free(
    session: Session,
    change: Callable[[MomentaryLock], None],
    relations: Collection[int],
    *,
    wait_seconds: float,
    on_wait: Callable[[Sequence[ReaderInTheWay]], None],
) -> None:
    """Make a change inside the session's transaction as soon as readers let it.

    Args:
        session: in a transaction; what it did before stays done between the tries.
        change: does everything anew in each try, from a savepoint.
        relations: oids of what it locks, to say who holds them.
        wait_seconds: longest time from the first try to the last.
        on_wait: told who is in the way, after each try that was given up.

    Raises:
        ServingUnavailable: readers held the tables for all of that time; names them.
    """
    patience = one_value(
        session,
        "select extract(epoch from current_setting('deadlock_timeout')::interval)::float8",
    )
    moment = min(_LONGEST_TRY_SECONDS, float(patience) / 2)
    seen: list[ReaderInTheWay] = []

    def attempt() -> None:
        run(session, "savepoint change")
        try:
            change(MomentaryLock(session, moment))
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            run(session, "rollback to savepoint change")
            seen[:] = readers_of(session, relations)
            raise
        run(session, "release savepoint change")

    def given_up(_state: RetryCallState) -> None:
        on_wait(seen)

    tries = Retrying(
        retry=retry_if_exception_type((errors.LockNotAvailable, errors.DeadlockDetected)),
        wait=wait_random_exponential(multiplier=0.2, max=_LONGEST_PAUSE_SECONDS),
        stop=stop_after_delay(wait_seconds),
        before_sleep=given_up,
        reraise=True,
    )
    try:
        tries(attempt)
    except (errors.LockNotAvailable, errors.DeadlockDetected):
        who = "; ".join(map(str, seen)) or "readers that came and went"
        raise ServingUnavailable(
            f"PostgreSQL: published tables could not be replaced for {wait_seconds:.0f} s, because "
            f"they are being read: {who}. Nothing was published, and readers were not disturbed. "
            "End those transactions, for example with select pg_terminate_backend(PID), or raise "
            "ALJIBE_SERVING_LOCK_SECONDS."
        ) from None


def readers_of(session: Session, relations: Collection[int]) -> list[ReaderInTheWay]:
    """Sessions that hold a lock on one of the relations."""
    return [ReaderInTheWay(*row) for row in session.execute(_HOLDERS, [list(relations)])]
