"""Processes of this machine by a variable of their environment, from Linux' /proc.

A process id is used again after its process; a variable such as the id of a run is not. Its
format is in `man 5 proc_pid_environ`. Only processes of the same user can be read.
"""

import os
import select
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class HostProcess:
    """A process that was alive when it was looked for.

    Attributes:
        pid: its id.
        environment: the variables that were asked for and that it was started with.
    """

    pid: int
    environment: Mapping[str, str]


def processes_with(name: str, value: str, also: Iterable[str] = ()) -> list[HostProcess]:
    """Processes that were started with the variable `name` at `value`.

    Args:
        name: of the variable.
        value: that it has to have.
        also: names of other variables, told where they are set.
    """
    wanted = f"{name}={value}".encode()
    others = {f"{other}=".encode(): other for other in also}
    found = []
    for pid in _pids():
        variables = _environment(pid)
        if wanted in variables:
            told = {name: value}
            for variable in variables:
                start, equals, rest = variable.partition(b"=")
                if other := others.get(start + equals):
                    told[other] = os.fsdecode(rest)
            found.append(HostProcess(pid, told))
    return found


def end_processes(processes: Iterable[HostProcess], grace_seconds: float) -> None:
    """Ask processes to end, kill those that are still there after `grace_seconds`, and wait.

    A process that got the id of one that is gone meanwhile is left alone.
    """
    descriptors = [descriptor for one in processes if (descriptor := _open(one)) is not None]
    try:
        for one in descriptors:
            _send(one, signal.SIGTERM)
        for one in _alive_after(descriptors, grace_seconds):
            _send(one, signal.SIGKILL)
        _alive_after(descriptors, grace_seconds)
    finally:
        for one in descriptors:
            os.close(one)


def reap_orphans(seen: set[int]) -> set[int]:
    """Collect ended children that nobody waits for: they come to a process that is pid 1.

    Args:
        seen: children that had ended at the last look, which must be seconds ago.

    Returns:
        Children that have ended now and are left to whoever waits for them.
    """
    ended = {pid for pid in _pids() if _is_ended_child(pid)}
    for pid in ended & seen:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return ended - seen


def _pids() -> Iterator[int]:
    with os.scandir(PROC) as entries:
        for entry in entries:
            if entry.name.isdecimal():
                yield int(entry.name)


def _environment(pid: int) -> list[bytes]:
    try:
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        # Gone meanwhile, or another user's.
        return []


def _open(process: HostProcess) -> int | None:
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    variables = _environment(process.pid)
    if all(f"{key}={text}".encode() in variables for key, text in process.environment.items()):
        return descriptor
    os.close(descriptor)
    return None


def _send(descriptor: int, number: int) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(descriptor, number)


def _alive_after(descriptors: Iterable[int], seconds: float) -> set[int]:
    """Those whose processes have not ended, which is known as soon as all have."""
    alive = set(descriptors)
    deadline = time.monotonic() + seconds
    while alive:
        left = max(0.0, deadline - time.monotonic())
        # The descriptor of a process can be read when it has ended, reaped or not.
        ended, _, _ = select.select(alive, [], [], left)
        alive -= set(ended)
        if not ended:
            break
    return alive


def _is_ended_child(pid: int) -> bool:
    try:
        # The name, in parentheses, may hold anything.
        state, parent = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[:2]
    except (OSError, ValueError):
        return False
    return state == "Z" and int(parent) == os.getpid()
