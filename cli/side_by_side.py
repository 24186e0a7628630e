"""Several commands as one service: started apart, restarted one by one, stopped together."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

_LOOK_SECONDS = 0.2
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
# One that lived this long failed for a new reason: it is restarted at once again.
_STEADY_SECONDS = 60.0
_KILLED_BY_SHELL = 128


@dataclass(frozen=True)
class Service:
    """A command that is kept running.

    Attributes:
        name: for messages.
        command: program and arguments.
        environment: variables added to this process's own.
        ends_all: whether its end is the end of all, with its exit code; any other is restarted.
        layer: what others stand on is of a lower one, and stopped when those have ended.
        stop_signal: sent in place of the signal that came, to a command that wants another.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ends_all: bool = False
    layer: int = 0
    stop_signal: signal.Signals | None = None


@dataclass
class _Running:
    service: Service
    process: "subprocess.Popen[bytes] | None" = None
    began: float = 0.0
    pause: float = _FIRST_PAUSE
    again_at: float = 0.0


class SideBySide:
    """Runs services until one that ends all has ended, or until SIGTERM or Ctrl-C.

    Each gets a session of its own, so that Ctrl-C reaches it once, from here; where util-linux is
    installed it also gets SIGTERM when this process is killed.
    """

    def __init__(self) -> None:
        self._running: list[_Running] = []
        self._asked: list[signal.Signals] = []
        self._wake = threading.Event()

    @property
    def is_asked_to_stop(self) -> bool:
        """Whether a signal has come."""
        return bool(self._asked)

    def add(self, service: Service) -> None:
        """Start a service."""
        one = _Running(service)
        self._running.append(one)
        _start(one)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT for the services while inside; at the end none is left."""
        signals = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self._on_signal) for number in signals}
        try:
            yield
        finally:
            try:
                self._stop()
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

    def look(self) -> int | None:
        """Restart what has ended; the exit code of a service whose end is the end of all."""
        for one in self._running:
            code = one.process.poll() if one.process else None
            if code is not None:
                if one.service.ends_all:
                    return code if code >= 0 else _KILLED_BY_SHELL - code
                self._ended(one, code)
            elif one.process is None and time.monotonic() >= one.again_at:
                _start(one)
        return None

    def wait(self) -> int:
        """Watch over the services; those of `listening` are stopped when this returns.

        Returns:
            Exit code of the service that ended all, or 0 after a signal. One that a signal asked
            to end may take its time, and its code counts.
        """
        while not self._asked:
            code = self.look()
            if code is not None:
                return code
            self._wake.wait(_LOOK_SECONDS)
        return self._stop()

    def _on_signal(self, number: int, _frame: object) -> None:
        self._asked.append(signal.Signals(number))
        self._wake.set()

    def _ended(self, one: _Running, code: int) -> None:
        steady = time.monotonic() - one.began >= _STEADY_SECONDS
        pause = _FIRST_PAUSE if steady else one.pause
        one.process, one.again_at = None, time.monotonic() + pause
        one.pause = min(pause * 2, _LONGEST_PAUSE)
        _say(f"{one.service.name} ended with {code}; it starts again in {pause:.0f} s")

    def _stop(self) -> int:
        """Stop layer by layer; the exit code of a service whose end is the end of all."""
        verdict = 0
        for layer in sorted({one.service.layer for one in self._running}, reverse=True):
            ended = [one for one in self._running if one.process and one.service.layer == layer]
            self._stop_together(ended)
            for one in ended:
                if one.process and one.service.ends_all:
                    verdict = max(one.process.returncode, 0)
                one.process = None
                one.again_at = float("inf")
        return verdict

    def _stop_together(self, running: Sequence[_Running]) -> None:
        told = 0
        while alive := [one for one in running if one.process and one.process.poll() is None]:
            # A second signal is passed on too: it tells a worker not to wait for its runs.
            signals = self._asked or [signal.SIGTERM]
            for number in signals[told:]:
                for one in alive:
                    _tell(one, one.service.stop_signal or number)
            told = len(signals)
            time.sleep(_LOOK_SECONDS)


def _start(one: _Running) -> None:
    setpriv = shutil.which("setpriv")
    prefix = [setpriv, "--pdeathsig", "TERM"] if setpriv else []
    one.process = subprocess.Popen(
        [*prefix, *one.service.command],
        env={**os.environ, **one.service.environment},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    one.began = time.monotonic()
    _say(f"{one.service.name} started as process {one.process.pid}")


def _tell(one: _Running, number: signal.Signals) -> None:
    if one.process and one.process.poll() is None:
        one.process.send_signal(number)


def _say(text: str) -> None:
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(f"{moment} services: {text}", file=sys.stderr, flush=True)
