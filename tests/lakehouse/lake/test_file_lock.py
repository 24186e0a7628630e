import errno
import os
import signal
import subprocess
import sys
import threading
import time
from contextvars import copy_context
from pathlib import Path

import pytest

from lakehouse.errors import LockWaitTooLong
from lakehouse.lake.file_lock import FileLock, Holder, current_holder
from lakehouse.lake.writer_lock import domain_writer

HOLD = """
    import sys, time
    from pathlib import Path
    from lakehouse.lake.file_lock import FileLock, Holder
    with FileLock(Path(sys.argv[1]), Holder.of_this_process("elt happy-otter"), timeout=5):
        print("held", flush=True)
        sys.stdin.read()
    print("free", flush=True)
"""
HOLD_WITH_CHILD = """
    import subprocess, sys, time
    from pathlib import Path
    from lakehouse.lake.file_lock import FileLock, Holder
    with FileLock(Path(sys.argv[1]), Holder.of_this_process("elt"), timeout=5) as lock:
        child = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=[lock.descriptor],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        print(child.pid, flush=True)
        time.sleep(60)
"""


def make_lock(path: Path, **overrides) -> FileLock:
    return FileLock(path, Holder.of_this_process("test"), **{"timeout": 0, **overrides})


def writer(settings, domain="shop", waits=None, left=None):
    return domain_writer(
        settings,
        domain,
        "test",
        on_wait=(waits if waits is not None else []).append,
        on_left_behind=(left if left is not None else []).append,
    )


def test_who_waits_is_told_the_holder_and_gets_the_lock_when_it_is_let_go(tmp_path, start_python):
    path = tmp_path / "locks" / "a.lock"
    holder = start_python(HOLD, path)
    assert holder.stdout.readline() == "held\n"
    told: list[Holder | None] = []

    def free(seen: Holder | None) -> None:
        told.append(seen)
        holder.stdin.close()

    with make_lock(path, timeout=20, on_wait=free) as lock:
        assert lock.left_behind is None
    assert told[0].run == "elt happy-otter"
    assert told[0].pid == holder.pid
    assert holder.stdout.read() == "free\n"


def test_a_wait_that_is_too_long_names_file_holder_and_advice(tmp_path, start_python):
    path = tmp_path / "a.lock"
    holder = start_python(HOLD, path)
    holder.stdout.readline()
    start = time.monotonic()
    with (
        pytest.raises(LockWaitTooLong, match=rf"a\.lock.*happy-otter \(pid {holder.pid}.*cancel"),
        make_lock(path, timeout=0.3),
    ):
        pytest.fail("the lock was taken twice")
    assert 0.3 <= time.monotonic() - start < 5


def test_a_killed_holder_frees_the_lock_and_the_next_one_sees_that_it_died(tmp_path, start_python):
    path = tmp_path / "a.lock"
    holder = start_python(HOLD, path)
    holder.stdout.readline()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with make_lock(path) as lock:
        assert lock.left_behind is not None
        assert lock.left_behind.pid == holder.pid
    with make_lock(path) as lock:
        assert lock.left_behind is None


def test_a_child_that_inherited_the_descriptor_keeps_the_lock_of_its_dead_parent(
    tmp_path, start_python
):
    path = tmp_path / "a.lock"
    parent = start_python(HOLD_WITH_CHILD, path)
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    try:
        assert current_holder(path).pid == parent.pid
        with pytest.raises(LockWaitTooLong), make_lock(path, timeout=0.2):
            pytest.fail("an orphan that still writes was overlooked")
    finally:
        os.kill(child, signal.SIGKILL)
    with make_lock(path, timeout=5) as lock:
        assert lock.left_behind.pid == parent.pid


def test_current_holder_is_none_when_free_missing_or_let_go(tmp_path):
    path = tmp_path / "a.lock"
    assert current_holder(path) is None
    with make_lock(path):
        assert current_holder(path).pid == os.getpid()
    assert current_holder(path) is None


def test_since_is_the_moment_the_lock_was_taken_not_the_moment_it_was_asked_for(tmp_path):
    early = Holder("test", os.getpid(), "here", "2001-01-01T00:00:00+00:00")
    with FileLock(tmp_path / "a.lock", early, timeout=0):
        assert current_holder(tmp_path / "a.lock").since > "2026"


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"run": 1}', b"\xff\xfe"])
def test_damaged_content_of_the_lock_file_keeps_nobody_from_it(tmp_path, content):
    (tmp_path / "a.lock").write_bytes(content)
    with make_lock(tmp_path / "a.lock") as lock:
        assert lock.left_behind is None


def test_the_lock_file_is_never_replaced(tmp_path):
    path = tmp_path / "a.lock"
    with make_lock(path):
        inode = path.stat().st_ino
    with make_lock(path):
        assert path.stat().st_ino == inode


def test_an_error_inside_frees_the_lock(tmp_path):
    with pytest.raises(ZeroDivisionError), make_lock(tmp_path / "a.lock"):
        raise ZeroDivisionError
    with make_lock(tmp_path / "a.lock") as lock:
        assert lock.left_behind is None


def test_a_descriptor_of_a_free_lock_cannot_be_had(tmp_path):
    with pytest.raises(RuntimeError, match="not held"):
        _ = make_lock(tmp_path / "a.lock").descriptor


def test_a_step_inside_a_run_shares_its_domain_lock(settings):
    with writer(settings) as outer, writer(settings) as inner:
        assert inner is outer
        assert current_holder(settings.lock_file("shop")) is not None
    assert current_holder(settings.lock_file("shop")) is None


def test_another_thread_waits_for_the_domain(settings):
    order: list[str] = []

    def other() -> None:
        with writer(settings, waits=order):
            order.append("other")

    with writer(settings):
        thread = threading.Thread(target=other)
        thread.start()
        deadline = time.monotonic() + 10
        while not order and time.monotonic() < deadline:
            time.sleep(0.01)
        order.append("first done")
    thread.join(10)
    assert [getattr(entry, "run", entry) for entry in order] == ["test", "first done", "other"]


def test_a_context_that_outlives_its_run_takes_the_lock_anew(settings):
    with writer(settings):
        context = copy_context()

    def later() -> bool:
        with writer(settings) as lock:
            return lock.is_held and current_holder(settings.lock_file("shop")) is not None

    assert context.run(later)


def test_two_domains_do_not_wait_for_each_other(settings):
    waits: list[object] = []
    with writer(settings, "shop", waits), writer(settings, "mill", waits):
        assert waits == []
    assert current_holder(settings.lock_file("mill")) is None


def test_a_domain_whose_last_writer_died_says_so(settings, start_python):
    holder = start_python(HOLD, settings.lock_file("shop"))
    holder.stdout.readline()
    holder.kill()
    holder.wait()
    left: list[Holder] = []
    with writer(settings, left=left):
        assert [holder.run for holder in left] == ["elt happy-otter"]


def test_an_executed_child_does_not_inherit_the_lock_by_itself(tmp_path):
    with make_lock(tmp_path / "a.lock"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert current_holder(tmp_path / "a.lock") is None
    finally:
        child.kill()
        child.wait()


def test_on_a_full_disk_a_lock_is_held_without_a_name(tmp_path, monkeypatch):
    def full(*_args: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "x.lock"
    monkeypatch.setattr(os, "pwrite", full)
    with FileLock(path, Holder.of_this_process("run"), timeout=0) as lock:
        assert lock.is_held
        assert current_holder(path).run == "an unnamed process"
        with pytest.raises(LockWaitTooLong), FileLock(path, Holder("b", 1, "h", ""), timeout=0):
            pass
    assert current_holder(path) is None
