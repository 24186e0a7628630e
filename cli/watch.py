"""`aljibe watch`: look at the folders of domains until told to stop, and wake runs."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine
from watchfiles import watch as wait_for_changes

from blocks.file_stores import open_file_store
from cli.prefect_environment import api_is_configured
from lakehouse.connectors.folder import LocalFolder
from lakehouse.errors import AljibeError, LockWaitTooLong, SettingsInvalid
from lakehouse.lake.file_lock import FileLock, Holder
from lakehouse.lake.raw_lake import RawLake
from lakehouse.reports.run_events import RunEvent
from lakehouse.settings import Settings
from lakehouse.source_catalog import known_domains, load_catalog
from lakehouse.watch.arrival_events import ARRIVALS_SETTLED
from lakehouse.watch.domain_watch import DomainWatch, look_at_all
from lakehouse.watch.settling import SettlingTimes
from lakehouse.watch.watcher_log import WatcherSeen, record_look
from tasks.send_events import send_events

_LOOK_EVERY_SECONDS = 0.5
_HEARTBEAT_SECONDS = 30.0


def watch(
    settings: Settings, domains: Sequence[str], times: SettlingTimes, poll_seconds: float
) -> None:
    """Watch until SIGTERM or Ctrl-C.

    Args:
        settings: of this machine.
        domains: names; empty watches all that have files.
        times: how long a domain waits for more.
        poll_seconds: between two looks at a folder that is not on this machine.

    Raises:
        SettingsInvalid: no Prefect API is configured, or a domain has no folder to watch.
        LockWaitTooLong: another watcher runs on this home.
    """
    if not api_is_configured():
        raise SettingsInvalid(
            "Watching needs a Prefect API, which the events are sent to and which starts the runs. "
            "Set PREFECT_API_URL, for example to http://127.0.0.1:4200/api while `make ui` runs."
        )
    lake = RawLake.of(settings)
    watches = [
        DomainWatch.of(
            load_catalog(settings.project_dir, domain),
            lake,
            lambda table: open_file_store(table, settings),
            _say,
            times=times,
            poll_seconds=poll_seconds,
        )
        for domain in domains or known_domains(settings.project_dir)
    ]
    watches = [one for one in watches if one.folders]
    if not watches:
        raise SettingsInvalid("None of these domains has a table of connector files or sftp.")
    with _only_watcher(settings), _stopped_by_signals() as stop:
        _say(f"watching {', '.join(one.domain for one in watches)}")
        try:
            _look_until(stop, watches, lake.ledger.engine)
        finally:
            for one in watches:
                one.close()
    _say("stopped")


def _look_until(stop: threading.Event, watches: Sequence[DomainWatch], engine: Engine) -> None:
    started, beat_at, fault = datetime.now(UTC), 0.0, ""
    for _ in _wake_ups(stop, lambda: local_folders(watches)):
        before = fault
        try:
            look_at_all(watches, _send)
            fault = ""
        except AljibeError as error:
            fault = str(error)
        if fault != before:
            _say(f"{fault} Trying again." if fault else "the Prefect API takes events again")
        if time.monotonic() >= beat_at or fault != before:
            beat_at = time.monotonic() + _HEARTBEAT_SECONDS
            _beat(engine, watches, started, fault or None)


def local_folders(watches: Sequence[DomainWatch]) -> list[Path]:
    """Folders of this machine that exist, among those that were looked at."""
    stores = (folder.store for one in watches for folder in one.folders)
    paths = {store.path for store in stores if isinstance(store, LocalFolder)}
    return sorted(path for path in paths if path.is_dir())


def _wake_ups(stop: threading.Event, folders: Callable[[], list[Path]]) -> Iterator[None]:
    """Now, whenever a file changes, and every half second, in which remote folders have a turn."""
    yield
    while not stop.is_set():
        here = folders()
        if not here:
            stop.wait(_LOOK_EVERY_SECONDS)
            yield
            continue
        changes = wait_for_changes(
            *here,
            stop_event=stop,
            rust_timeout=int(_LOOK_EVERY_SECONDS * 1000),
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
            watch_filter=None,
            debounce=200,
        )
        for _ in changes:
            yield
            if folders() != here:
                break


def _send(events: Sequence[RunEvent]) -> None:
    send_events(events)
    for event in events:
        if event.name == ARRIVALS_SETTLED:
            again = ", once more" if event.payload["attempt"] else ""
            _say(f"{event.payload['domain']}: woke a run for {event.payload['files']} files{again}")


def _beat(
    engine: Engine, watches: Sequence[DomainWatch], started: datetime, fault: str | None
) -> None:
    faults = [folder.fault for one in watches for folder in one.folders if folder.fault]
    seen = WatcherSeen(
        name=socket.gethostname(),
        pid=os.getpid(),
        domains=tuple(one.domain for one in watches),
        waiting=sum(len(one.waiting) for one in watches),
        fault=fault or "; ".join(faults) or None,
        started_at=started,
        seen_at=datetime.now(UTC),
    )
    try:
        record_look(engine, seen)
    except AljibeError as error:
        _say(f"the look could not be noted: {error}")


@contextmanager
def _only_watcher(settings: Settings) -> Iterator[None]:
    lock = FileLock(
        settings.lock_file("aljibe-watch"), Holder.of_this_process("aljibe watch"), timeout=0
    )
    try:
        with lock:
            yield
    except LockWaitTooLong as error:
        raise LockWaitTooLong(f"Another watcher runs on this home: {error}") from None


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(f"{moment} watch: {text}", file=sys.stderr, flush=True)
