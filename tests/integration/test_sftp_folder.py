"""A folder of an SFTP server as a store: what is found in it, and how it comes."""

import os
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from servers.password_sftp import password_sftp
from servers.sftp_store import (
    MEGABYTE,
    TABLE,
    download,
    found_in,
    password_block,
    put,
    store_of,
)
from servers.sshd import SshServer

from lakehouse.connectors.file_store import FoundFile, files_of, settled
from lakehouse.connectors.sftp.folder import SftpFolder
from lakehouse.errors import (
    DeliveryMoving,
    LandingFolderMissing,
    RemoteFolderRefused,
    ResourcesExhausted,
)

pytestmark = pytest.mark.integration


@pytest.fixture
def store(ssh_server: SshServer, upload: Path) -> SftpFolder:
    return store_of(ssh_server, upload)


def test_files_of_all_sizes_come_as_they_are(store, upload, tmp_path):
    sizes = (0, 1, 32_768, 32_769, MEGABYTE - 1, MEGABYTE, MEGABYTE + 1, 9_999_999)
    sent = {f"{size}.csv": put(upload, f"{size}.csv", os.urandom(size)) for size in sizes}
    assert download(store, found_in(store), tmp_path) == sent
    assert list(tmp_path.iterdir()) == []


def test_500_small_files_come_at_once(store, upload, tmp_path):
    sent = {f"{n:03d}.csv": put(upload, f"{n:03d}.csv", os.urandom(10_000)) for n in range(500)}
    assert download(store, found_in(store), tmp_path) == sent


def test_only_complete_regular_files_of_the_table_are_found(store, upload):
    put(upload, "a.csv", b"1")
    for name in ("b.csv.part", ".hidden.csv", "c.CSV.TMP", "other.txt"):
        put(upload, name, b"1")
    (upload / "folder.csv").mkdir()
    (upload / "link.csv").symlink_to(upload / "a.csv")
    os.mkfifo(upload / "pipe.csv")
    os.utime(upload / "a.csv", ns=(5_000_000_001, 5_000_000_001))
    assert found_in(store) == [FoundFile("a.csv", 1, 5_000_000_000)]


@pytest.mark.parametrize("name", [b"a\x1b.csv", b"back\\slash.csv", b"a\xf1o.csv", b"line\n.csv"])
def test_odd_names_are_told_and_left_alone(store, upload, name):
    (upload / "good.csv").write_text("x")
    Path(os.fsdecode(os.fsencode(upload) + b"/" + name)).write_text("x")
    with closing(store):
        found = files_of(TABLE, store.listing(TABLE))
    assert [file.name for file in found.files] == ["good.csv"]
    assert len(found.unusable) == 1
    assert found.unusable[0].isprintable()


@pytest.mark.parametrize("name", ["ñandú 'x' \"y\" $z *.csv", "-rf.csv", "日本.csv", "~.csv"])
def test_a_file_of_any_printable_name_is_downloaded(store, upload, tmp_path, name):
    sent = {name: put(upload, name, b"content")}
    assert download(store, found_in(store), tmp_path) == sent


def test_a_second_look_tells_growing_files_from_complete_ones(store, upload):
    for name in ("done.csv", "grows.csv", "goes.csv"):
        put(upload, name, b"1")
    with closing(store):
        before = list(files_of(TABLE, store.listing(TABLE)).files)
        put(upload, "grows.csv", b"12")
        (upload / "goes.csv").unlink()
        resting, moving = settled(store, before)
    assert [file.name for file in resting] == ["done.csv"]
    assert {file.name for file in moving} == {"grows.csv", "goes.csv"}


@pytest.mark.parametrize("size", [10, 2 * MEGABYTE])
def test_a_file_that_changed_since_it_was_found_is_not_taken(store, upload, tmp_path, size):
    put(upload, "a.csv", bytes(size))
    put(upload, "good.csv", b"good")
    files = found_in(store)
    put(upload, "a.csv", bytes(size + 1))
    faults = {f.found.name: f.fault for f in store.fetch(files, tmp_path, print)}
    assert isinstance(faults["a.csv"], DeliveryMoving)
    assert f"{size} bytes then, {size + 1} now" in str(faults["a.csv"])
    assert faults["good.csv"] is None


@pytest.mark.parametrize("size", [10, 2 * MEGABYTE])
def test_a_file_that_went_away_is_no_fault_of_the_others(store, upload, tmp_path, size):
    put(upload, "a.csv", bytes(size))
    put(upload, "good.csv", b"good")
    files = found_in(store)
    (upload / "a.csv").unlink()
    faults = {f.found.name: f.fault for f in store.fetch(files, tmp_path, print)}
    assert isinstance(faults["a.csv"], DeliveryMoving)
    assert "a.csv is gone" in str(faults["a.csv"])
    assert faults["good.csv"] is None


def test_a_missing_folder_is_permanent_and_named(ssh_server, upload):
    store = store_of(ssh_server, upload / "nowhere")
    with pytest.raises(LandingFolderMissing, match=r"shop_sftp.payments.*nowhere.*shop-sftp"):
        store.listing(TABLE)


def test_a_file_is_no_folder(ssh_server, upload):
    put(upload, "a.csv", b"1")
    with pytest.raises(LandingFolderMissing, match=r"a\.csv"):
        store_of(ssh_server, upload / "a.csv").listing(TABLE)


def test_a_file_that_may_not_be_read_is_permanent_and_named(tmp_path, monkeypatch):
    put(tmp_path, "a.csv", b"1")
    monkeypatch.setattr(Path, "open", _refused)
    with password_sftp(tmp_path, "word") as server:
        store = password_block(server).store("shop-sftp")
        (fetched,) = store.fetch(found_in(store), tmp_path / "scratch", print)
    assert isinstance(fetched.fault, RemoteFolderRefused)
    assert "does not let shop read a.csv" in str(fetched.fault)


def test_after_load_move_is_refused(store):
    with pytest.raises(RemoteFolderRefused, match="for local folders"):
        store.set_aside(FoundFile("a.csv", 1, 1))


def _refused(*_args: object, **_kwargs: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_a_full_disk_keeps_the_server_and_leaves_nothing(store, upload, tmp_path):
    put(upload, "big.csv", os.urandom(8 * MEGABYTE))
    files = found_in(store)
    mounted = tmp_path / "small"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", mounted]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        with pytest.raises(ResourcesExhausted, match=r"big\.csv needs 8388608 bytes"):
            download(store, files, mounted)
        assert list(mounted.iterdir()) == []
        # As if the disk had been free when the download began.
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("shutil.disk_usage", lambda _folder: _Plenty())
            with pytest.raises(ResourcesExhausted, match="No space left on device"):
                download(store, files, mounted)
        assert list(mounted.iterdir()) == []
    finally:
        subprocess.run(["umount", mounted], check=True)


class _Plenty:
    free = 1 << 50
