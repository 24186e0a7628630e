import errno
import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from lakehouse.connectors import download_ahead as module
from lakehouse.connectors.download_ahead import GROUP_FILES, WantedFile, download_ahead
from lakehouse.connectors.download_folder import download_folder
from lakehouse.connectors.file_store import FoundFile
from lakehouse.errors import (
    DeliveryMoving,
    RemoteFolderRefused,
    RemoteFolderUnavailable,
    ResourcesExhausted,
)

LARGE = module.SMALL_FILE_BYTES + 1


class Server:
    """Hands out the name of a file as its content, and remembers what happened."""

    def __init__(self, fetch: Callable[[WantedFile], Exception | None] | None = None) -> None:
        self.fetched: list[str] = []
        self.opened = self.closed = 0
        self._fetch = fetch

    def open(self):
        self.opened += 1
        return Connection(self)

    def serve(self, wanted: WantedFile) -> Exception | None:
        wanted.target.write_text(wanted.found.name)
        self.fetched.append(wanted.found.name)
        return self._fetch(wanted) if self._fetch else None


class Connection:
    def __init__(self, server: Server) -> None:
        self.server = server

    def fetch(self, files: Sequence[WantedFile], on_bytes) -> list[Exception | None]:
        faults = []
        for wanted in files:
            faults.append(self.server.serve(wanted))
            on_bytes(wanted.found.size)
        return faults

    def close(self) -> None:
        self.server.closed += 1


def files(*sizes: int) -> list[FoundFile]:
    return [FoundFile(f"file {number}", size, number) for number, size in enumerate(sizes)]


def download(found, scratch, server, **options):
    options = {"connections": 3, **options}
    return download_ahead(found, scratch, lambda _text: None, server.open, **options)


def left_in(scratch: Path) -> list[Path]:
    return list(scratch.rglob("*"))


def test_files_come_in_their_order_and_leave_nothing(tmp_path):
    found = files(*[10] * (GROUP_FILES * 3), LARGE, 5, LARGE, LARGE)
    server = Server()
    seen = []
    for fetched in download(found, tmp_path / "s", server):
        assert (fetched.folder / fetched.local_name).read_text() == fetched.found.name
        seen.append(fetched.found)
    assert seen == found
    assert left_in(tmp_path / "s") == []
    assert server.opened <= 3
    assert server.closed >= server.opened


def test_local_names_have_nothing_of_the_remote_ones(tmp_path):
    found = [FoundFile("../../etc/passwd", 1, 1), FoundFile("a" * 900, 1, 1)]
    for fetched in download(found, tmp_path / "s", Server()):
        assert fetched.local_name.isdecimal()
        assert (fetched.folder / fetched.local_name).parent == fetched.folder


def test_what_lies_ahead_on_the_disk_is_bounded(tmp_path):
    ahead, most, held = 3 * LARGE, 0, 0
    lock = threading.Lock()

    def count(_wanted) -> None:
        nonlocal most, held
        with lock:
            held += LARGE
            most = max(most, held)

    server = Server(count)
    for _ in download(files(*[LARGE] * 20), tmp_path / "s", server, ahead_bytes=ahead):
        with lock:
            held -= LARGE
    # The one in the hands of the caller was counted off a step early.
    assert 0 < most <= ahead + LARGE


def test_a_file_larger_than_the_bound_is_downloaded_all_the_same(tmp_path):
    found = files(LARGE * 3, 10, LARGE * 3)
    seen = [f.found for f in download(found, tmp_path / "s", Server(), ahead_bytes=LARGE)]
    assert seen == found


def test_the_next_files_are_downloaded_while_one_is_loaded(tmp_path):
    second = threading.Event()
    server = Server(lambda wanted: second.set() if wanted.found.name == "file 1" else None)
    downloads = download(files(LARGE, LARGE), tmp_path / "s", server)
    next(downloads)
    assert second.wait(20)
    downloads.close()


def test_the_error_of_one_file_comes_with_it_and_the_others_come_too(tmp_path):
    gone = DeliveryMoving("gone")
    server = Server(lambda wanted: gone if wanted.found.name == "file 1" else None)
    faults = [f.fault for f in download(files(1, 1, 1), tmp_path / "s", server)]
    assert faults == [None, gone, None]


def test_a_lost_server_is_told_after_what_came_before_it(tmp_path):
    def lose(wanted) -> None:
        if wanted.found.name == "file 2":
            raise RemoteFolderUnavailable("lost")

    downloads = download(files(*[LARGE] * 5), tmp_path / "s", Server(lose))
    assert [next(downloads).found.name, next(downloads).found.name] == ["file 0", "file 1"]
    with pytest.raises(RemoteFolderUnavailable):
        next(downloads)
    assert left_in(tmp_path / "s") == []


@pytest.mark.parametrize("error", [RemoteFolderUnavailable, RemoteFolderRefused])
def test_a_server_that_allows_one_session_gets_one(tmp_path, error):
    server = Server()

    def open_one():
        if server.opened:
            raise error("too many sessions")
        return server.open()

    found = files(*[LARGE] * 6)
    downloads = download_ahead(found, tmp_path / "s", lambda _text: None, open_one, connections=4)
    assert [fetched.found for fetched in downloads] == found


def test_a_lost_single_session_ends_all_that_wait_for_it(tmp_path):
    waiting = threading.Barrier(2)

    def lose(_wanted) -> None:
        waiting.wait(20)
        raise RemoteFolderUnavailable("lost")

    server = Server(lose)

    def open_one():
        if server.opened:
            if not waiting.broken and waiting.n_waiting:
                waiting.wait(20)
            raise RemoteFolderUnavailable("too many sessions")
        return server.open()

    with pytest.raises(RemoteFolderUnavailable):
        list(download_ahead(files(*[LARGE] * 9), tmp_path / "s", print, open_one, connections=4))
    assert left_in(tmp_path / "s") == []


def test_a_server_that_allows_no_session_is_told(tmp_path):
    def refuse():
        raise RemoteFolderRefused("wrong password")

    with pytest.raises(RemoteFolderRefused, match="wrong password"):
        list(download_ahead(files(1), tmp_path / "s", print, refuse, connections=4))


def test_downloads_that_nobody_takes_end_with_their_caller(tmp_path):
    server = Server()
    downloads = download(files(*[LARGE] * 50), tmp_path / "s", server, ahead_bytes=2 * LARGE)
    next(downloads)
    downloads.close()
    assert len(server.fetched) < 50
    assert left_in(tmp_path / "s") == []


def test_a_full_disk_is_known_before_the_download(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=LARGE - 1))
    server = Server()
    with pytest.raises(ResourcesExhausted, match=rf"file 0 needs {LARGE} bytes .* {LARGE - 1} are"):
        list(download(files(LARGE), tmp_path / "s", server))
    assert server.fetched == []


def test_a_disk_that_fills_up_meanwhile_is_no_fault_of_the_server(tmp_path):
    def fill(_wanted) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(ResourcesExhausted, match=r"file 0 .*No space left"):
        list(download(files(LARGE), tmp_path / "s", Server(fill)))
    assert left_in(tmp_path / "s") == []


def test_what_is_waited_for_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_TELL_SECONDS", 0.01)
    told = threading.Event()
    server = Server(lambda _wanted: told.wait(20) and None)
    texts = []

    def listen(text: str) -> None:
        texts.append(text)
        told.set()

    list(download_ahead(files(2_000_000), tmp_path / "s", listen, server.open, connections=1))
    assert texts[0] == "file 0: 0.0 of 2.0 MB received"


def test_folders_of_dead_runs_go_and_those_of_living_ones_and_others_stay(tmp_path):
    dead, alive = tmp_path / ("d" * 32), tmp_path / ("a" * 32)
    for folder in (dead, alive, tmp_path / "not ours"):
        folder.mkdir()
        (folder / "half").write_text("x")
    living = os.open(alive, os.O_RDONLY)
    fcntl.flock(living, fcntl.LOCK_EX)
    try:
        with download_folder(tmp_path) as first, download_folder(tmp_path) as second:
            assert first != second
            here = {alive.name, "not ours", first.name, second.name}
            assert {path.name for path in tmp_path.iterdir()} == here
    finally:
        os.close(living)
    assert {path.name for path in tmp_path.iterdir()} == {alive.name, "not ours"}
    with download_folder(tmp_path):
        assert not alive.exists()
