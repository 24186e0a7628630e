"""Downloads whose session breaks: they go on, or end and leave nothing."""

import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from servers.cutting_proxy import cutting_proxy
from servers.sftp_store import MEGABYTE, TABLE, download, found_in, put, store_of

from lakehouse.connectors.file_store import FoundFile
from lakehouse.connectors.sftp import fetcher as module
from lakehouse.connectors.sftp.folder import SftpFolder
from lakehouse.errors import DeliveryMoving, RemoteFolderUnavailable

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def quick_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 0.2)


def test_a_large_file_goes_on_from_where_its_session_dropped(ssh_server, upload, tmp_path):
    content = random.Random(1).randbytes(50 * MEGABYTE) * 4
    sent = {"big.csv": put(upload, "big.csv", content)}
    size = len(content)
    with cutting_proxy(ssh_server.port, 1 << 30, int(size * 0.6)) as proxy:
        # The first connection lists; the second one is cut.
        store = store_of(ssh_server, upload, port=proxy.port)
        assert download(store, found_in(store), tmp_path) == sent
        assert proxy.cuts == 1
        # What was there is not sent again.
        assert proxy.passed < size * 1.1


def test_small_files_go_on_after_the_last_one_that_came(ssh_server, upload, tmp_path):
    sent = {f"{n:03d}.csv": put(upload, f"{n:03d}.csv", os.urandom(60_000)) for n in range(60)}
    with cutting_proxy(ssh_server.port, 1 << 30, 1_000_000, 2_000_000) as proxy:
        store = store_of(ssh_server, upload, port=proxy.port, connections=1)
        assert download(store, found_in(store), tmp_path) == sent
        assert proxy.cuts == 2
        assert proxy.passed < 60 * 60_000 * 1.5


def test_a_server_that_restarts_in_the_middle_is_waited_for(
    ssh_server, upload, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 2.0)
    sent = {"big.csv": put(upload, "big.csv", os.urandom(30 * MEGABYTE))}
    half = threading.Event()
    with (
        cutting_proxy(ssh_server.port, 15 * MEGABYTE) as proxy,
        ThreadPoolExecutor(1) as pool,
    ):
        proxy.on_bytes = lambda passed: half.set() if passed > 10 * MEGABYTE else None
        files = found_in(store_of(ssh_server, upload))
        store = store_of(ssh_server, upload, port=proxy.port)
        downloaded = pool.submit(download, store, files, tmp_path)
        assert half.wait(30)
        # Started by this thread: the server dies with the thread that started it.
        ssh_server.stop()
        ssh_server.start()
        assert downloaded.result() == sent
    assert proxy.cuts == 1


def test_a_file_that_is_replaced_while_its_session_is_down_is_not_mixed(
    ssh_server, upload, tmp_path
):
    put(upload, "big.csv", os.urandom(20 * MEGABYTE))
    os.utime(upload / "big.csv", (1, 1))

    def replace(passed: int) -> None:
        if passed > 10 * MEGABYTE:
            proxy.on_bytes = lambda _passed: None
            put(upload, "new", os.urandom(20 * MEGABYTE))
            (upload / "new").rename(upload / "big.csv")

    with cutting_proxy(ssh_server.port, 12 * MEGABYTE) as proxy:
        files = found_in(store_of(ssh_server, upload))
        proxy.on_bytes = replace
        store = store_of(ssh_server, upload, port=proxy.port)
        (fetched,) = store.fetch(files, tmp_path, print)
    assert proxy.cuts == 1
    assert isinstance(fetched.fault, DeliveryMoving)


def test_content_of_the_same_size_and_time_is_compared_before_it_goes_on(
    ssh_server, upload, tmp_path
):
    put(upload, "big.csv", os.urandom(20 * MEGABYTE))
    os.utime(upload / "big.csv", (1, 1))

    def replace(passed: int) -> None:
        if passed > 10 * MEGABYTE:
            proxy.on_bytes = lambda _passed: None
            put(upload, "new", os.urandom(20 * MEGABYTE))
            os.utime(upload / "new", (1, 1))
            (upload / "new").rename(upload / "big.csv")

    with cutting_proxy(ssh_server.port, 12 * MEGABYTE) as proxy:
        files = found_in(store_of(ssh_server, upload))
        proxy.on_bytes = replace
        store = store_of(ssh_server, upload, port=proxy.port)
        (fetched,) = store.fetch(files, tmp_path, print)
    assert proxy.cuts == 1
    assert isinstance(fetched.fault, DeliveryMoving)
    assert "changed while it was downloaded" in str(fetched.fault)


def test_a_server_that_stays_away_is_transient_and_leaves_nothing(ssh_server, upload, tmp_path):
    put(upload, "big.csv", bytes(20 * MEGABYTE))
    with cutting_proxy(ssh_server.port, *[5 * MEGABYTE] + [100] * 50) as proxy:
        files = found_in(store_of(ssh_server, upload))
        store = store_of(ssh_server, upload, port=proxy.port)
        with pytest.raises(RemoteFolderUnavailable, match=f"127.0.0.1:{proxy.port}"):
            download(store, files, tmp_path)
        assert proxy.cuts == module.TRIES_WITHOUT_PROGRESS
    assert list(tmp_path.iterdir()) == []


def test_silence_ends_with_the_read_time_out(ssh_server, upload):
    put(upload, "a.csv", b"1")
    store = store_of(ssh_server, upload, read_timeout=0.3)
    with closing(store):
        store.listing(TABLE)
        freeze(store)
        with pytest.raises(RemoteFolderUnavailable, match="stopped answering"):
            store.look([FoundFile("a.csv", 1, 1)])


def freeze(store: SftpFolder) -> None:
    """Make the session's channel deaf, as a network that swallows packets does."""
    assert store._session
    channel = store._session.protocol._channel
    channel.sendall = lambda _bytes: None  # type: ignore[method-assign]
