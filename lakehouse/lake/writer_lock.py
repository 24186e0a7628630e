"""One writer per domain: held by a whole run, entered again by the steps inside it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lakehouse.lake.file_lock import FileLock, Holder
from lakehouse.settings import Settings

_held: ContextVar[dict[str, FileLock] | None] = ContextVar("held_domain_locks", default=None)


@contextmanager
def domain_writer(
    settings: Settings,
    domain: str,
    run: str,
    *,
    run_id: str = "",
    on_wait: Callable[[Holder | None], None],
    on_left_behind: Callable[[Holder], None],
) -> Iterator[FileLock]:
    """Be the only writer of a domain; a step inside a run that already is shares its lock.

    Args:
        settings: where the lock lies and how long to wait.
        domain: name of the domain.
        run: name of this run, told to those who wait.
        run_id: of this run, by which its parts know that they may write.
        on_wait: told who holds the lock, while waiting.
        on_left_behind: told which holder died without releasing.

    Raises:
        LockWaitTooLong: after `lock_timeout_seconds`.
    """
    # A context that was copied during a run may outlive it, and then remembers a lock let go.
    held = {name: lock for name, lock in (_held.get() or {}).items() if lock.is_held}
    if domain in held:
        yield held[domain]
        return
    lock = FileLock(
        settings.lock_file(domain),
        Holder.of_this_process(run, run_id),
        timeout=settings.lock_timeout_seconds,
        on_wait=on_wait,
    )
    with lock:
        if lock.left_behind:
            on_left_behind(lock.left_behind)
        token = _held.set({**held, domain: lock})
        try:
            yield lock
        finally:
            _held.reset(token)
