"""dbt's child process for Spark does not outlive the flow that started it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHILD = """
import os, subprocess, time
from threading import Thread
from lakehouse.transform.spark.child import _end_with
driver = subprocess.Popen(["sleep", "120"], stdout=subprocess.DEVNULL)
Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
print(os.getpid(), driver.pid, flush=True)
time.sleep(120)
"""
FLOW = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=True)
time.sleep(120)
"""


def is_running(pid: int) -> bool:
    try:
        told = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except FileNotFoundError:
        return False
    return told.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="looks at /proc")
def test_it_ends_with_its_own_children_when_the_flow_is_killed():
    flow = subprocess.Popen([sys.executable, "-c", FLOW, CHILD], stdout=subprocess.PIPE, text=True)
    assert flow.stdout is not None
    pids = [int(pid) for pid in flow.stdout.readline().split()]
    assert [is_running(pid) for pid in pids] == [True, True]
    flow.send_signal(signal.SIGKILL)
    flow.wait()
    deadline = time.monotonic() + 30
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [is_running(pid) for pid in pids] == [False, False]
