"""Locks of several hosts: sessions of a PostgreSQL audit database."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from lakehouse.errors import AuditUnavailable, LockLost, LockWaitTooLong, TransientError
from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.file_lock import Holder
from lakehouse.lake.session_lock import SessionLock, session_holder
from lakehouse.lake.shared_locks import domain_holder
from lakehouse.lake.writer_lock import domain_writer
from lakehouse.settings import Settings

pytestmark = pytest.mark.integration
HOLD = """
    import subprocess, sys
    from lakehouse.lake.raw_lake import RawLake
    from lakehouse.lake.shared_locks import DomainLock
    from lakehouse.settings import load_settings
    with DomainLock(load_settings(), "shop", "elt happy-otter", timeout=5) as lock:
        child = subprocess.Popen(
            ["sleep", "60"], pass_fds=lock.descriptors if "child" in sys.argv else (),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        print(child.pid, flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def settings(postgres_database, tmp_path) -> Settings:
    url = postgres_database.render_as_string(hide_password=False)
    return Settings(home=tmp_path / "home", audit_url=SecretStr(url))


@pytest.fixture
def engine(settings):
    opened = audit_engine(settings)
    yield opened
    opened.dispose()


@pytest.fixture
def make_lock(engine) -> Callable[..., SessionLock]:
    def make(run: str = "elt a", timeout: float = 0, **more) -> SessionLock:
        return SessionLock(engine, "shop", Holder.of_this_process(run), timeout=timeout, **more)

    return make


@pytest.fixture
def hold(settings, tmp_path) -> Iterator[Callable[..., tuple["subprocess.Popen[str]", int]]]:
    """Hold the domain's lock in a process of another home; it, and a child that it started."""
    started, children = [], []

    def start(*arguments: str) -> tuple["subprocess.Popen[str]", int]:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(HOLD), *arguments],
            env={
                **os.environ,
                "ALJIBE_HOME": str(tmp_path / "other-host"),
                "ALJIBE_AUDIT_URL": settings.audit_database_url.get_secret_value(),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        children.append(int(process.stdout.readline()))
        return process, children[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def backend_of(lock: SessionLock) -> int:
    return lock._session.info.backend_pid


def end_session(settings: Settings, lock: SessionLock) -> None:
    url = settings.audit_database_url.get_secret_value()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute("select pg_terminate_backend(%s, 5000)", [backend_of(lock)])


def test_one_holds_it_and_the_others_are_told_who(make_lock, engine):
    told: list[Holder | None] = []
    assert session_holder(engine, "shop") is None
    with make_lock("elt a") as held:
        assert session_holder(engine, "shop").run == "elt a"
        with pytest.raises(LockWaitTooLong, match="shop is still held by elt a"):
            make_lock("elt b").__enter__()
        with pytest.raises(LockWaitTooLong):
            make_lock("elt b", timeout=0.2, on_wait=told.append).__enter__()
        held.assert_held()
    assert [holder.run for holder in told] == ["elt a"]
    assert session_holder(engine, "shop") is None
    with make_lock("elt b") as again:
        assert again.left_behind is None


def test_a_lock_on_another_host_dies_with_its_holder(settings, engine, hold):
    process, _ = hold()
    assert domain_holder(settings, "shop").run == "elt happy-otter"
    process.kill()
    process.wait()
    waited: list[Holder | None] = []
    left: list[Holder] = []
    with domain_writer(
        settings, "shop", "elt b", on_wait=waited.append, on_left_behind=left.append
    ) as lock:
        assert len(lock.descriptors) == 2
    assert [holder.run for holder in left] == ["elt happy-otter"]
    assert domain_holder(settings, "shop") is None


def test_a_child_that_inherited_the_session_keeps_the_lock(settings, engine, hold):
    process, child = hold("child")
    process.kill()
    process.wait()
    with pytest.raises(LockWaitTooLong, match="elt happy-otter"):
        SessionLock(engine, "domain shop", Holder.of_this_process("b"), timeout=1).__enter__()
    os.kill(child, signal.SIGKILL)
    with SessionLock(engine, "domain shop", Holder.of_this_process("b"), timeout=20) as lock:
        assert lock.left_behind.run == "elt happy-otter"


def test_a_holder_whose_session_ended_cannot_commit_after_another_took_the_lock(
    settings, make_lock, engine
):
    first = make_lock("elt a").__enter__()
    end_session(settings, first)
    with engine.begin() as connection:
        # Nobody has taken it since: what was done under it still stands.
        first.confirm(connection)
    with pytest.raises(LockLost, match="was lost"):
        first.assert_held()
    with make_lock("elt b", timeout=5) as second:
        assert second.left_behind.run == "elt a"
        with pytest.raises(LockLost), engine.begin() as connection:
            first.confirm(connection)
        with engine.begin() as connection:
            second.confirm(connection)
        first.__exit__(None, None, None)
        assert session_holder(engine, "shop").run == "elt b"
    assert issubclass(LockLost, TransientError)


def test_whoever_takes_the_lock_waits_for_a_commit_that_was_confirmed(settings, make_lock, engine):
    first = make_lock("elt a").__enter__()
    with engine.connect() as connection:
        first.confirm(connection)
        end_session(settings, first)
        second = make_lock("elt b", timeout=5)
        with psycopg.connect(
            settings.audit_database_url.get_secret_value().replace("+psycopg", ""), autocommit=True
        ) as other:
            other.execute("set lock_timeout = 300")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute("update locks set token = token + 1")
        connection.commit()
    with second:
        pass


def test_the_server_is_told_to_look_for_hosts_that_vanish(make_lock, engine):
    with make_lock() as lock:
        shown = {
            name: lock._session.execute(f"show {name}").fetchone()[0]
            for name in ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
        }
        with engine.connect() as connection:
            asked = text("select client_addr is null from pg_stat_activity where pid = :pid")
            is_socket = connection.execute(asked, {"pid": backend_of(lock)}).scalar_one()
    if not is_socket:
        assert shown == {
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
        }


def test_a_server_that_is_away_is_worth_another_try_and_no_password_is_shown(engine):
    url = engine.url.set(port=9, password="s3cret")

    class Away:
        pass

    away = Away()
    away.url = url
    with pytest.raises(AuditUnavailable) as caught:
        SessionLock(away, "shop", Holder.of_this_process("a"), timeout=0).__enter__()
    assert "s3cret" not in str(caught.value)


def test_waiting_ends_soon_after_the_lock_is_let_go(make_lock):
    with make_lock():
        began = time.monotonic()
        waiter = make_lock("elt b", timeout=30)
    with waiter:
        assert time.monotonic() - began < 10
