"""Services beside each other: restarted, stopped together, and none left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.side_by_side import Service, SideBySide

# Writes down each start and signal; the first signal ends it, or the second.
CHILD = """
import os, signal, sys, time
log, name, signals = open(sys.argv[1], "a", buffering=1), sys.argv[2], int(sys.argv[3])
seen = []
for one in (signal.SIGTERM, signal.SIGINT):
    signal.signal(one, lambda number, _: seen.append(number))
log.write(f"{name} started {os.getpid()}\\n")
while len(seen) < signals:
    time.sleep(0.02)
log.write(f"{name} ended by {' '.join(signal.Signals(n).name for n in seen)}\\n")
sys.exit(int(sys.argv[4]))
"""


def child(log: Path, name: str, signals: int = 1, code: int = 0) -> list[str]:
    return [sys.executable, "-c", CHILD, str(log), name, str(signals), str(code)]


PARENT = """
import sys
from cli.side_by_side import Service, SideBySide
together = SideBySide()
with together.listening():
    for number, one in enumerate(eval(sys.argv[1])):
        together.add(Service(**one))
    sys.exit(together.wait())
"""


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log"
    path.touch()
    return path


def begin(*services: dict) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, repr(services)], text=True, stderr=subprocess.PIPE
    )


def wait_for(log: Path, *texts: str) -> list[str]:
    deadline = time.monotonic() + 20
    while True:
        lines = log.read_text().splitlines()
        if all(any(text in line for line in lines) for text in texts):
            return lines
        assert time.monotonic() < deadline, lines
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_signal_stops_all_and_the_code_of_the_main_one_counts(log):
    parent = begin(
        {"name": "worker", "command": child(log, "worker", code=3), "ends_all": True},
        {"name": "watcher", "command": child(log, "watcher")},
    )
    wait_for(log, "worker started", "watcher started")
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(20) == 3, parent.stderr.read()
    ended = log.read_text()
    assert "worker ended by SIGTERM" in ended
    assert "watcher ended by SIGTERM" in ended


def test_a_second_signal_is_passed_on(log):
    command = child(log, "worker", signals=2)
    parent = begin({"name": "worker", "command": command, "ends_all": True})
    wait_for(log, "worker started")
    parent.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert parent.poll() is None
    parent.send_signal(signal.SIGINT)
    assert parent.wait(20) == 0
    assert "worker ended by SIGTERM SIGINT" in log.read_text()


def test_one_that_dies_starts_again_beside_the_main_one(log):
    parent = begin(
        {"name": "worker", "command": child(log, "worker"), "ends_all": True},
        {"name": "watcher", "command": child(log, "watcher")},
    )
    lines = wait_for(log, "worker started", "watcher started")
    (first,) = [int(line.split()[-1]) for line in lines if line.startswith("watcher")]
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while log.read_text().count("watcher started") < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(20) == 0
    assert log.read_text().count("worker started") == 1
    assert "watcher ended with -9; it starts again in 1 s" in parent.stderr.read()


def test_the_end_of_the_main_one_stops_the_others(log):
    parent = begin(
        {"name": "watcher", "command": child(log, "watcher")},
        {"name": "worker", "command": [sys.executable, "-c", "raise SystemExit(7)"], "ends_all": 1},
    )
    assert parent.wait(30) == 7
    assert "watcher started" not in log.read_text() or "watcher ended by" in log.read_text()


def test_what_others_stand_on_is_stopped_after_them(log):
    parent = begin(
        {
            "name": "database",
            "command": child(log, "database"),
            "layer": -1,
            "stop_signal": signal.SIGINT.value,
        },
        {"name": "worker", "command": child(log, "worker", signals=2)},
    )
    wait_for(log, "worker started", "database started")
    parent.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert "database ended" not in log.read_text()
    parent.send_signal(signal.SIGTERM)
    parent.wait(20)
    order = [line.split()[0] for line in log.read_text().splitlines() if "ended" in line]
    assert order == ["worker", "database"]
    assert "database ended by SIGINT" in log.read_text()


def test_no_service_outlives_one_that_was_killed(log):
    parent = begin({"name": "worker", "command": child(log, "worker")})
    (line,) = wait_for(log, "worker started")
    parent.kill()
    parent.wait(20)
    wait_for(log, "worker ended by SIGTERM")
    deadline = time.monotonic() + 10
    while is_alive(int(line.split()[-1])):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_pauses_grow_while_one_keeps_dying(monkeypatch, capfd):
    times = iter(float(number) / 4 for number in range(1000))
    monkeypatch.setattr("cli.side_by_side.time.monotonic", lambda: next(times))
    together = SideBySide()
    together.add(Service("watcher", [sys.executable, "-c", "raise SystemExit(1)"]))
    while capfd.readouterr().err.count("it starts again in 4 s") < 1:
        together.look()
        time.sleep(0.005)
