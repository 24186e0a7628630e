"""Who a worker is: the volume that it works on, and its name there."""

import os
import re
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.worker.say import say
from lakehouse.errors import LockWaitTooLong
from lakehouse.lake.durable_files import publish_file, sync
from lakehouse.lake.file_lock import FileLock, Holder, current_holder
from lakehouse.settings import Settings

HOME_LABEL = "aljibe.home"
NAME_LABEL = "prefect.worker.name"
# Variables that every process of a run starts with; Prefect sets the last two.
HOME_VARIABLE = "ALJIBE_WORKER_HOME_ID"
NAME_VARIABLE = "PREFECT__WORKER_NAME"
RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"


@dataclass(frozen=True)
class WorkerIdentity:
    """A worker of one home.

    Attributes:
        name: stable over restarts.
        home_id: of the volume; the same for every worker that works on it, ever.
        locks: folder of the locks of this home.
    """

    name: str
    home_id: str
    locks: Path

    def is_dead(self, name: str) -> bool:
        """Whether no worker of this name works on this home, other than this one."""
        return name != self.name and current_holder(_lock_file(self.locks, name)) is None


def identity_of(settings: Settings) -> WorkerIdentity:
    """Name this machine's worker, and its home, which gets an id if it has none.

    The name is `ALJIBE_WORKER_NAME`, else the host's.
    """
    locks = settings.lock_file("any").parent
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / "home-id.lock", Holder.of_this_process("aljibe worker"), timeout=30):
        path = locks / "home-id"
        known = path.read_text(encoding="ascii").strip() if path.exists() else ""
        if not known:
            known = uuid.uuid4().hex
            temporary = path.with_suffix(".tmp")
            temporary.write_text(f"{known}\n", encoding="ascii")
            sync(temporary)
            publish_file(temporary, path)
    return WorkerIdentity(settings.worker_name or socket.gethostname(), known, locks)


@contextmanager
def only_worker(identity: WorkerIdentity, wait_seconds: float) -> Iterator[None]:
    """Be the only worker of this name on this home.

    Args:
        identity: of this worker.
        wait_seconds: for a worker that is about to stop.

    Raises:
        LockWaitTooLong: it lives on.
    """
    lock = FileLock(
        _lock_file(identity.locks, identity.name),
        Holder.of_this_process(f"aljibe worker {identity.name}"),
        timeout=wait_seconds,
        on_wait=lambda holder: say(f"waits until {holder or 'the worker before'} has stopped"),
    )
    try:
        with lock:
            if lock.left_behind:
                say(f"the last one died without an end: {lock.left_behind}")
            os.environ[HOME_VARIABLE] = identity.home_id
            yield
    except LockWaitTooLong as error:
        raise LockWaitTooLong(
            f"Another worker named {identity.name} works on this home: {error} Stop it, or give "
            "this one a name of its own by ALJIBE_WORKER_NAME."
        ) from None


def _lock_file(locks: Path, name: str) -> Path:
    return locks / f"aljibe-worker-{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}.lock"
