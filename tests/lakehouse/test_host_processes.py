"""Processes are known by what they were started with, and ended whether they like it or not."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse.host_processes import end_processes, processes_with, reap_orphans

VARIABLE = "ALJIBE_TEST_MARK"
STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""


@contextmanager
def marked(mark: str, code: str = STUBBORN, **others: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, VARIABLE: mark, **others}
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE
    )
    try:
        if code is STUBBORN:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def test_only_processes_with_the_whole_value_are_found() -> None:
    mark = uuid.uuid4().hex
    with marked(mark, OTHER="x") as wanted, marked(f"{mark}0"), marked(mark[:-1]):
        (found,) = processes_with(VARIABLE, mark, also=["OTHER", "NOT_SET_ANYWHERE"])
    assert found.pid == wanted.pid
    assert found.environment == {VARIABLE: mark, "OTHER": "x"}


def test_a_process_that_ignores_the_signal_is_killed_after_its_grace() -> None:
    mark = uuid.uuid4().hex
    with marked(mark) as process:
        end_processes(processes_with(VARIABLE, mark), 0.3)
        assert process.wait(5) == -signal.SIGKILL
    assert processes_with(VARIABLE, mark) == []


def test_a_process_that_obeys_is_not_waited_for_longer_than_it_needs() -> None:
    mark = uuid.uuid4().hex
    with marked(mark, "import time; time.sleep(60)") as process:
        began = time.monotonic()
        while not (found := processes_with(VARIABLE, mark)):
            assert time.monotonic() - began < 10
        end_processes(found, 30)
        assert process.wait(5) == -signal.SIGTERM
    assert time.monotonic() - began < 20


def test_another_process_under_the_id_of_one_that_is_gone_is_left_alone() -> None:
    mark = uuid.uuid4().hex
    with marked(mark) as process:
        (found,) = processes_with(VARIABLE, mark)
        stranger = type(found)(process.pid, {VARIABLE: "of somebody else"})
        end_processes([stranger], 0.1)
        assert process.poll() is None


def test_a_child_that_nobody_waits_for_is_collected_at_the_second_look() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    deadline = time.monotonic() + 5
    while pid not in (seen := reap_orphans(set())):
        assert time.monotonic() < deadline
    assert pid not in reap_orphans(seen)
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        return
    raise AssertionError("nobody had collected it")
