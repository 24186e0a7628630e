"""One writer per domain: held by a whole run, entered again by the steps inside it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lakehouse.lake.file_lock import Holder
from lakehouse.lake.shared_locks import DomainLock
from lakehouse.settings import Settings

_held: ContextVar[dict[str, DomainLock] | None] = ContextVar("held_domain_locks", default=None)


@contextmanager
def domain_writer(
    settings: Settings,
    domain: str,
    run: str,
    *,
    on_wait: Callable[[Holder | None], None],
    on_left_behind: Callable[[Holder], None],
) -> Iterator[DomainLock]:
    """Be the only writer of a domain; a step inside a run that already is shares its lock.

    Args:
        settings: where the lock lies and how long to wait.
        domain: name of the domain.
        run: name of this run, told to those who wait.
        on_wait: told who holds the lock, while waiting.
        on_left_behind: told which holder died without releasing.

    Raises:
        LockWaitTooLong: after `lock_timeout_seconds`.
        LockLost: the run around this step had the lock, and lost it.
    """
    # A context that was copied during a run may outlive it, and then remembers a lock let go.
    held = {name: lock for name, lock in (_held.get() or {}).items() if lock.is_held}
    if domain in held:
        held[domain].assert_held()
        yield held[domain]
        return
    lock = DomainLock(settings, domain, run, timeout=settings.lock_timeout_seconds, on_wait=on_wait)
    with lock:
        if lock.left_behind:
            on_left_behind(lock.left_behind)
        token = _held.set({**held, domain: lock})
        try:
            yield lock
        finally:
            _held.reset(token)
