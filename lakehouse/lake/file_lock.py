"""A lock on a file that says who holds it and dies with its holder.

The kernel's `flock` decides, never a process id: the lock is free when the last process that
inherited its file descriptor is gone. The file itself is permanent: replacing or unlinking it
would let two processes hold two different files of one name.
"""

import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from sqlalchemy import Connection

from lakehouse.errors import LockWaitTooLong

_FIRST_WAIT, _LONGEST_WAIT = 0.02, 0.5
_SAY_AGAIN_AFTER = 30.0


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, for the message to those who wait."""

    run: str
    pid: int
    host: str
    since: str

    @classmethod
    def of_this_process(cls, run: str) -> "Holder":
        """Describe this process."""
        return cls(run=run, pid=os.getpid(), host=socket.gethostname(), since=moment_now())

    def __str__(self) -> str:
        return f"{self.run} (pid {self.pid} on {self.host}, since {self.since})"


class FileLock:
    """Exclusive lock on `path`, waited for with a message.

    Args:
        path: the permanent lock file; made when missing.
        holder: what others are told while this process holds the lock.
        timeout: seconds to wait before `LockWaitTooLong`; 0 tries once.
        on_wait: called with the holder (None if it said nothing) when waiting starts, and
            every 30 s after.

    Attributes:
        left_behind: the holder that died without releasing, if the file still named one.
    """

    def __init__(
        self,
        path: Path,
        holder: Holder,
        *,
        timeout: float,
        on_wait: Callable[[Holder | None], None] | None = None,
    ) -> None:
        self.path = path
        self.left_behind: Holder | None = None
        self._holder = holder
        self._timeout = timeout
        self._on_wait = on_wait
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock now."""
        return self._descriptor is not None

    @property
    def descriptor(self) -> int:
        """The open file, to be inherited by a child that must keep the lock."""
        if self._descriptor is None:
            raise RuntimeError(f"{self.path} is not held")
        return self._descriptor

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The same as `Lock` gives it."""
        return (self.descriptor,)

    def __enter__(self) -> "FileLock":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._wait_for(descriptor)
            self.left_behind = _read_holder(descriptor)
            holder = replace(self._holder, since=moment_now())
            _write(descriptor, json.dumps(asdict(holder)).encode())
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        descriptor, self._descriptor = self.descriptor, None
        # Only the name goes: a child that outlives us keeps the lock, as it should.
        _write(descriptor, b"")
        os.close(descriptor)

    def confirm(self, connection: Connection) -> None:
        """Nothing takes the lock from a process that lives; see `Lock`."""

    def assert_held(self) -> None:
        """As `confirm`."""

    def _wait_for(self, descriptor: int) -> None:
        def _take() -> bool:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        wait_for(
            _take,
            lambda: _read_holder(descriptor),
            name=self.path.name,
            timeout=self._timeout,
            on_wait=self._on_wait,
        )


def wait_for(
    take: Callable[[], bool],
    holder_of: Callable[[], Holder | None],
    *,
    name: str,
    timeout: float,
    on_wait: Callable[[Holder | None], None] | None,
) -> None:
    """Try to take a lock until it is taken.

    Args:
        take: tries once.
        holder_of: tells who has it.
        name: of the lock, for the message.
        timeout: seconds; 0 tries once.
        on_wait: see `FileLock`.

    Raises:
        LockWaitTooLong: after `timeout`, naming the holder.
    """
    start = time.monotonic()
    said_at: float | None = None
    pause = _FIRST_WAIT
    while not take():
        now = time.monotonic()
        if now - start >= timeout:
            raise LockWaitTooLong(
                f"{name} is still held by {holder_of() or 'an unnamed process'} "
                f"after {now - start:.0f} s. If that run hangs, cancel it."
            )
        if on_wait and (said_at is None or now - said_at >= _SAY_AGAIN_AFTER):
            on_wait(holder_of())
            said_at = now
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_WAIT)


def current_holder(path: Path) -> Holder | None:
    """Tell who holds the lock right now; None when it is free."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_holder(descriptor) or Holder("an unnamed process", 0, "unknown", "unknown")
    else:
        return None
    finally:
        os.close(descriptor)


def _read_holder(descriptor: int) -> Holder | None:
    content = os.pread(descriptor, 4096, 0)
    try:
        return Holder(**json.loads(content)) if content else None
    except (ValueError, TypeError):
        # Half a line: its writer died, or is writing it this moment.
        return None


def _write(descriptor: int, content: bytes) -> None:
    os.ftruncate(descriptor, 0)
    try:
        os.pwrite(descriptor, content, 0)
    except OSError as error:
        # The kernel holds the lock, also on a full disk; those who wait are told no name.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise


def moment_now() -> str:
    """This moment in UTC, as holders are told it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
