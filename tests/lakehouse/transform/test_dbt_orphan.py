"""dbt ends with the process that started it, however that ends."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

PARENT = """
    import subprocess, sys
    child = subprocess.Popen(
        [sys.executable, "-c", sys.argv[1]],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    )
    print(child.stdout.readline().decode().strip(), flush=True)
    sys.stdin.read()
"""
CHILD = """
import subprocess, time
from lakehouse.transform.dbt_child import _end_with_parent
grandchild = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL)
_end_with_parent()
import os
print(os.getpid(), grandchild.pid, flush=True)
time.sleep(60)
"""


def is_alive(pid: int) -> bool:
    try:
        with Path(f"/proc/{pid}/stat").open() as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_parent_takes_dbt_and_its_children_along():
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert all(map(is_alive, pids))
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 20
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_alive, pids))
