"""From an SFTP server into the lake: each content exactly once, whatever dies or comes twice."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from servers import sftp_load
from servers.cutting_proxy import cutting_proxy
from servers.sftp_load import PAYMENTS, folder_of, load_new
from servers.sshd import SshServer

from lakehouse.connectors.sftp.folder import SftpFolder
from lakehouse.lake.pending_files import look_for_files
from lakehouse.lake.raw_lake import RawLake
from lakehouse.settings import Settings, load_settings
from lakehouse.source_catalog import Table

pytestmark = pytest.mark.integration
MEGABYTE = 1 << 20


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ALJIBE_HOME", str(tmp_path / "home"))
    return load_settings()


@pytest.fixture
def lake(settings: Settings) -> Iterator[RawLake]:
    opened = RawLake.of(settings)
    yield opened
    opened.ledger.engine.dispose()


@pytest.fixture
def reach(ssh_server: SshServer, upload: Path) -> Callable[..., SftpFolder]:
    """The folder, through another port if one is given."""

    def store(port: int | None = None) -> SftpFolder:
        user, key = ssh_server.username, ssh_server.private_key
        return folder_of(port or ssh_server.port, user, key, ssh_server.host_key, str(upload))

    return store


def csv(rows: range) -> str:
    return "id,city\n" + "".join(f"{number},Salta\n" for number in rows)


def large_csv(rows: int) -> bytes:
    """About 100 bytes a row."""
    return b"id,city\n" + b"".join(b"%d,%s\n" % (n, b"x" * 92) for n in range(rows))


def rows_in(settings: Settings) -> list[tuple[str, int]]:
    """Rows of the lake by the file they came from."""
    pattern = settings.raw / "shop_sftp" / "payments" / "**" / "*.parquet"
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select _source_file, count(*) from '{pattern}' group by all order by all"
        )
        return found.fetchall()


def assert_no_trace(settings: Settings) -> None:
    assert not [path for path in settings.scratch.rglob("*") if path.is_file()]
    assert not list(settings.raw.rglob("*.tmp"))


def statuses(deliveries) -> list[tuple[str, str]]:
    return [(delivery.file_name, delivery.status) for delivery in deliveries]


def test_only_new_and_corrected_files_are_downloaded(reach, upload, lake, settings):
    (upload / "a.csv").write_text(csv(range(3)))
    (upload / "b.csv").write_text(csv(range(5)))
    os.utime(upload / "a.csv", (1, 1))
    assert statuses(load_new(reach(), lake)) == [("a.csv", "loaded"), ("b.csv", "loaded")]
    assert load_new(reach(), lake) == []
    (upload / "a.csv").write_text(csv(range(4)))
    assert statuses(load_new(reach(), lake)) == [("a.csv", "loaded")]
    (upload / "copy.csv").write_text(csv(range(5)))
    assert statuses(load_new(reach(), lake)) == [("copy.csv", "known")]
    # RAW keeps what a correction replaces, and a copy is stored once.
    assert rows_in(settings) == [("a.csv", 3 + 4), ("b.csv", 5)]
    newest = lake.ledger.newest_deliveries(PAYMENTS)
    assert newest["a.csv"].rows_loaded == 4
    assert_no_trace(settings)


def test_a_file_that_is_refused_is_kept_as_it_was_delivered(reach, upload, lake, settings):
    (upload / "a.csv").write_text("other,header\n1,2\n")
    (delivery,) = load_new(reach(), lake)
    assert delivery.status == "quarantined"
    assert delivery.reason
    assert "a.csv" in delivery.reason
    (kept,) = settings.quarantine.rglob("original")
    assert kept.read_text() == "other,header\n1,2\n"
    assert '"file": "a.csv"' in (kept.parent / "reason.json").read_text()
    assert load_new(reach(), lake) == []


def test_a_file_that_grows_is_left_for_the_next_run(reach, upload, lake):
    (upload / "done.csv").write_text(csv(range(2)))
    (upload / "grows.csv").write_text(csv(range(2)))

    def grow(_seconds: float) -> None:
        with (upload / "grows.csv").open("a") as file:
            file.write("2,Salta\n")

    listed = look_for_files(reach(), PAYMENTS, lake, pause=grow)
    assert [file.name for file in listed.files] == ["done.csv"]
    assert listed.moving == ("grows.csv",)
    again = look_for_files(reach(), PAYMENTS, lake)
    assert {file.name for file in again.files} == {"done.csv", "grows.csv"}


def test_a_file_waits_for_its_ready_marker_and_is_known_without_it_later(reach, upload, lake):
    table = Table.model_validate(
        {
            **PAYMENTS.model_dump(),
            "meta": {**PAYMENTS.meta.model_dump(), "ready_marker": "{name}.ok"},
        }
    )
    (upload / "a.csv").write_text(csv(range(2)))
    assert look_for_files(reach(), table, lake).moving == ("a.csv",)
    (upload / "a.csv.ok").touch()
    assert statuses(load_new(reach(), lake, table)) == [("a.csv", "loaded")]
    (upload / "a.csv.ok").unlink()
    listed = look_for_files(reach(), table, lake)
    assert (listed.moving, listed.has_work, len(listed.files)) == ((), False, 1)


@pytest.mark.long
def test_200_megabytes_whose_session_drops_at_60_percent_arrive_once(
    reach, upload, lake, settings, ssh_server
):
    content = large_csv(2_000_000)
    (upload / "big.csv").write_bytes(content)
    with cutting_proxy(ssh_server.port, 1 << 40, int(len(content) * 0.6)) as proxy:
        assert statuses(load_new(reach(proxy.port), lake)) == [("big.csv", "loaded")]
        assert proxy.cuts == 1
        assert proxy.passed < len(content) * 1.1
    assert rows_in(settings) == [("big.csv", 2_000_000)]
    assert_no_trace(settings)


def test_a_run_killed_while_it_downloads_leaves_all_to_the_next_one(
    reach, upload, lake, settings, ssh_server
):
    (upload / "a.csv").write_text(csv(range(3)))
    (upload / "big.csv").write_bytes(large_csv(300_000))
    os.utime(upload / "a.csv", (1, 1))
    half = threading.Event()
    with cutting_proxy(ssh_server.port) as proxy:
        proxy.on_bytes = lambda passed: half.set() if passed > 10 * MEGABYTE else None
        proxy.cut_after = []
        command = [sys.executable, sftp_load.__file__, str(proxy.port), ssh_server.username]
        command += [str(ssh_server.folder / "user_key"), ssh_server.host_key, str(upload)]
        child = subprocess.Popen(
            command, env={**os.environ, "ALJIBE_HOME": str(settings.root)}, stdout=subprocess.PIPE
        )
        assert child.stdout
        assert half.wait(60)
        child.kill()
        assert child.wait() == -signal.SIGKILL
        child.stdout.close()
    assert [path for path in settings.scratch.rglob("*") if path.is_file()]
    left = load_new(reach(), lake)
    assert ("big.csv", "loaded") in statuses(left)
    assert rows_in(settings) == [("a.csv", 3), ("big.csv", 300_000)]
    assert_no_trace(settings)


def test_two_runs_at_once_load_each_file_once(reach, upload, lake, settings):
    for number in range(12):
        (upload / f"{number:02d}.csv").write_text(csv(range(number, number + 4)))
    begin = threading.Barrier(2)

    def run() -> list:
        begin.wait(20)
        return load_new(reach(), lake)

    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run), pool.submit(run)]
        results = [future.result() for future in runs]
    loaded = [d.file_name for deliveries in results for d in deliveries if d.status == "loaded"]
    assert sorted(loaded) == [f"{number:02d}.csv" for number in range(12)]
    assert rows_in(settings) == [(f"{number:02d}.csv", 4) for number in range(12)]
    assert_no_trace(settings)
