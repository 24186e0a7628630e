"""The lock of a name: of this machine, or of every host that shares the audit database.

With the audit database on PostgreSQL other hosts may write the same lake: its sessions hold the
locks then. With SQLite a file of the home does.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from sqlalchemy import Connection

from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.file_lock import FileLock, Holder, current_holder
from lakehouse.lake.session_lock import SessionLock, session_holder
from lakehouse.settings import Settings

OnWait = Callable[[Holder | None], None]


class Lock(Protocol):
    """An exclusive lock that dies with its holder."""

    @property
    def is_held(self) -> bool:
        """Whether this object took the lock and has not let it go."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Open files that a child has to inherit to keep the lock as long as it lives."""

    def assert_held(self) -> None:
        """Raise `LockLost` where the lock went away although nobody let it go."""

    def confirm(self, connection: Connection) -> None:
        """Let a transaction of the audit database commit only if the lock was not lost."""

    def __enter__(self) -> Self:
        """Wait for the lock; raises `LockWaitTooLong`."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let it go."""


def shared_lock(
    settings: Settings,
    name: str,
    file: Path,
    run: str,
    *,
    timeout: float,
    on_wait: OnWait | None = None,
) -> Lock:
    """The lock of something that every host has in common.

    Args:
        settings: say whether other hosts share the audit database.
        name: of it, the same on every host.
        file: the lock's file where they do not.
        run: told to those who wait.
        timeout: seconds to wait; 0 tries once.
        on_wait: called with the holder, while waiting.
    """
    holder = Holder.of_this_process(run)
    if settings.is_shared:
        engine = audit_engine(settings)
        return SessionLock(engine, name, holder, timeout=timeout, on_wait=on_wait)
    return FileLock(file, holder, timeout=timeout, on_wait=on_wait)


class DomainLock:
    """The lock of a domain: of every host, and of the warehouse file of this one.

    A dbt whose run died may still be at work on the file.

    Attributes:
        left_behind: the holder that died without releasing, if there was one.
    """

    def __init__(
        self,
        settings: Settings,
        domain: str,
        run: str,
        *,
        timeout: float,
        on_wait: OnWait | None = None,
    ) -> None:
        file = settings.lock_file(domain)
        holder = Holder.of_this_process(run)
        self.left_behind: Holder | None = None
        self._file = FileLock(file, holder, timeout=timeout, on_wait=on_wait)
        self._session: SessionLock | None = None
        if settings.is_shared:
            engine, name = audit_engine(settings), domain_lock_name(domain)
            self._session = SessionLock(engine, name, holder, timeout=timeout, on_wait=on_wait)
        self._entered = ExitStack()

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock now."""
        return self._file.is_held

    @property
    def descriptors(self) -> tuple[int, ...]:
        """See `Lock`."""
        shared = self._session.descriptors if self._session else ()
        return (*self._file.descriptors, *shared)

    def assert_held(self) -> None:
        """See `Lock`."""
        if self._session:
            self._session.assert_held()

    def confirm(self, connection: Connection) -> None:
        """See `Lock`."""
        if self._session:
            self._session.confirm(connection)

    def __enter__(self) -> "DomainLock":
        with ExitStack() as entered:
            if self._session:
                entered.enter_context(self._session)
                self.left_behind = self._session.left_behind
            entered.enter_context(self._file)
            self.left_behind = self.left_behind or self._file.left_behind
            self._entered = entered.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._entered.close()


def domain_lock_name(domain: str) -> str:
    """What the lock of a domain is called where hosts share it."""
    return f"domain {domain}"


def domain_holder(settings: Settings, domain: str) -> Holder | None:
    """Tell who writes a domain right now, on any host; None if nobody does."""
    here = current_holder(settings.lock_file(domain))
    if here or not settings.is_shared:
        return here
    return session_holder(audit_engine(settings), domain_lock_name(domain))
