"""An SFTP server's folder as a store: logins, listings, downloads, broken sessions."""

import hashlib
import logging
import os
import random
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from servers.child_process import free_port
from servers.cutting_proxy import cutting_proxy
from servers.password_sftp import password_sftp
from servers.sshd import SshServer, make_key

from blocks.sftp_server import SftpServer
from lakehouse.connectors import sftp_folder as module
from lakehouse.connectors.file_store import FetchedFile, FoundFile, files_of, settled
from lakehouse.connectors.sftp_folder import SftpFolder
from lakehouse.errors import (
    DeliveryMoving,
    HostKeyUnknown,
    LandingFolderMissing,
    PermanentError,
    RemoteFolderRefused,
    RemoteFolderUnavailable,
    ResourcesExhausted,
)
from lakehouse.source_catalog import Table

pytestmark = pytest.mark.integration
MEGABYTE = 1 << 20
TABLE = Table.model_validate(
    {
        "source": "shop_sftp",
        "name": "payments",
        "connector": "sftp",
        "block": "shop-sftp",
        "schema_name": "raw",
        "meta": {"load": "append", "pattern": "*.csv"},
        "columns": [{"name": "a"}],
        "file": Path("_shop__sources.yml"),
    }
)


@pytest.fixture(autouse=True)
def quick_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 0.2)


def make_block(server: SshServer, folder: Path, **fields: Any) -> SftpServer:
    return SftpServer(
        **{
            "host": "127.0.0.1",
            "port": server.port,
            "username": server.username,
            "private_key": server.private_key,
            "host_key": server.host_key,
            "path": str(folder),
            "connect_timeout": 10,
            **fields,
        }
    )


def store_of(server: SshServer, folder: Path, **fields: Any) -> SftpFolder:
    return make_block(server, folder, **fields).store("shop-sftp")


@pytest.fixture
def store(ssh_server: SshServer, upload: Path) -> SftpFolder:
    return store_of(ssh_server, upload)


def found_in(store: SftpFolder) -> list[FoundFile]:
    with closing(store):
        return list(files_of(TABLE, store.listing(TABLE)).files)


def sha256_of(fetched: FetchedFile) -> str:
    assert fetched.fault is None, fetched.fault
    assert fetched.local_name
    return hashlib.sha256((fetched.folder / fetched.local_name).read_bytes()).hexdigest()


def download(store: SftpFolder, files: list[FoundFile], scratch: Path) -> dict[str, str]:
    """Hash of each file as it came."""
    with closing(store.fetch(files, scratch, lambda _text: None)) as downloads:
        return {fetched.found.name: sha256_of(fetched) for fetched in downloads}


def put(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return hashlib.sha256(content).hexdigest()


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


class TestBrokenSessions:
    def test_a_large_file_goes_on_from_where_its_session_dropped(
        self, ssh_server, upload, tmp_path
    ):
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

    def test_small_files_go_on_after_the_last_one_that_came(self, ssh_server, upload, tmp_path):
        sent = {f"{n:03d}.csv": put(upload, f"{n:03d}.csv", os.urandom(60_000)) for n in range(60)}
        with cutting_proxy(ssh_server.port, 1 << 30, 1_000_000, 2_000_000) as proxy:
            store = store_of(ssh_server, upload, port=proxy.port, connections=1)
            assert download(store, found_in(store), tmp_path) == sent
            assert proxy.cuts == 2
            assert proxy.passed < 60 * 60_000 * 1.5

    def test_a_server_that_restarts_in_the_middle_is_waited_for(
        self, ssh_server, upload, tmp_path, monkeypatch
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
        self, ssh_server, upload, tmp_path
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
        self, ssh_server, upload, tmp_path
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

    def test_a_server_that_stays_away_is_transient_and_leaves_nothing(
        self, ssh_server, upload, tmp_path
    ):
        put(upload, "big.csv", bytes(20 * MEGABYTE))
        with cutting_proxy(ssh_server.port, *[5 * MEGABYTE] + [100] * 50) as proxy:
            files = found_in(store_of(ssh_server, upload))
            store = store_of(ssh_server, upload, port=proxy.port)
            with pytest.raises(RemoteFolderUnavailable, match=f"127.0.0.1:{proxy.port}"):
                download(store, files, tmp_path)
            assert proxy.cuts == module.TRIES_WITHOUT_PROGRESS
        assert list(tmp_path.iterdir()) == []

    def test_silence_ends_with_the_read_time_out(self, ssh_server, upload):
        put(upload, "a.csv", b"1")
        store = store_of(ssh_server, upload, read_timeout=0.3)
        with closing(store):
            store.listing(TABLE)
            freeze(ssh_server, store)
            with pytest.raises(RemoteFolderUnavailable, match="stopped answering"):
                store.look([FoundFile("a.csv", 1, 1)])


def freeze(server: SshServer, store: SftpFolder) -> None:
    """Make the session's channel deaf, as a network that swallows packets does."""
    assert store._session
    channel = store._session.protocol._channel
    channel.sendall = lambda _bytes: None  # type: ignore[method-assign]


class TestLogins:
    def test_a_password_lets_in_and_shows_nowhere(self, tmp_path, caplog):
        caplog.set_level(logging.DEBUG)
        (tmp_path / "served").mkdir()
        sent = {"a.csv": put(tmp_path / "served", "a.csv", os.urandom(500_000))}
        with password_sftp(tmp_path / "served", "s3cret-word") as server:
            block = SftpServer(
                host="127.0.0.1",
                port=server.port,
                username="shop",
                password=SecretStr("s3cret-word"),
                host_key=server.host_key,
                path="/",
            )
            store = block.store("shop-sftp")
            assert download(store, found_in(store), tmp_path / "scratch") == sent
        assert "s3cret-word" not in caplog.text + repr(block) + repr(store) + str(store)

    def test_a_wrong_password_is_permanent_and_not_repeated(self, tmp_path, caplog):
        caplog.set_level(logging.DEBUG)
        with password_sftp(tmp_path, "right") as server:
            store = SftpServer(
                host="127.0.0.1",
                port=server.port,
                username="shop",
                password="s3cret-wrong",
                host_key=server.host_key,
            ).store("shop-sftp")
            with pytest.raises(
                RemoteFolderRefused, match=r"refuses the user shop with its password.*shop-sftp"
            ) as caught:
                store.listing(TABLE)
            assert server.tried == ["shop"]
        assert "s3cret-wrong" not in caplog.text + str(caught.value) + repr(caught.value.__cause__)

    def test_a_key_that_is_not_let_in_is_permanent(self, ssh_server, upload, tmp_path):
        make_key(tmp_path / "other")
        stranger = (tmp_path / "other").read_text()
        store = store_of(ssh_server, upload, private_key=stranger)
        with pytest.raises(
            RemoteFolderRefused, match="private_key in the block shop-sftp"
        ) as caught:
            store.listing(TABLE)
        assert stranger.splitlines()[1] not in str(caught.value)

    def test_a_key_goes_before_a_password_where_both_are_there(self, ssh_server, upload):
        put(upload, "a.csv", b"1")
        assert found_in(store_of(ssh_server, upload, password="not asked for"))

    def test_a_server_of_passwords_only_gets_the_password(self, tmp_path):
        make_key(tmp_path / "key")
        put(tmp_path, "a.csv", b"1")
        with password_sftp(tmp_path, "word") as server:
            store = SftpServer(
                host="127.0.0.1",
                port=server.port,
                username="shop",
                password="word",
                private_key=(tmp_path / "key").read_text(),
                host_key=server.host_key,
                path="/",
            ).store("shop-sftp")
            assert [file.name for file in found_in(store)] == ["a.csv"]

    @pytest.mark.parametrize("kind", ["ecdsa", "rsa", "ed25519"])
    def test_keys_of_each_type_and_with_a_passphrase_let_in(
        self, ssh_server, upload, tmp_path, kind
    ):
        public = make_key(tmp_path / "key", kind, "pass phrase")
        with (ssh_server.folder / "authorized_keys").open("a") as keys:
            keys.write(f"{public}\n")
        text = (tmp_path / "key").read_text()
        one_line = text.strip().replace("\n", "\\n")
        assert (
            found_in(store_of(ssh_server, upload, private_key=one_line, passphrase="pass phrase"))
            == []
        )
        with pytest.raises(RemoteFolderRefused, match="encrypted; give its passphrase"):
            store_of(ssh_server, upload, private_key=text).listing(TABLE)
        with pytest.raises(RemoteFolderRefused, match="its passphrase is wrong") as caught:
            store_of(ssh_server, upload, private_key=text, passphrase="s3cret").listing(TABLE)
        assert "s3cret" not in str(caught.value)

    @pytest.mark.parametrize("fields", [{"private_key": None}, {"private_key": "no key s3cret"}])
    def test_missing_and_unreadable_credentials_are_permanent(self, ssh_server, upload, fields):
        with pytest.raises(PermanentError, match="Block shop-sftp") as caught:
            store_of(ssh_server, upload, **fields).listing(TABLE)
        assert "s3cret" not in str(caught.value)

    def test_another_host_key_is_refused_before_anything_is_sent(self, tmp_path):
        other = make_key(tmp_path / "other")
        with password_sftp(tmp_path, "word") as server:
            fields = {"host": "127.0.0.1", "port": server.port, "username": "shop"}
            for pinned in ({"host_key": other}, {}):
                block = SftpServer(**fields, **pinned, password="word", path="/")
                with pytest.raises(HostKeyUnknown, match="SHA256:") as caught:
                    block.store("shop-sftp").listing(TABLE)
                assert server.host_key in str(caught.value)
            assert server.tried == []

    def test_known_hosts_pin_as_ssh_keyscan_writes_them(self, ssh_server, upload):
        line = f"[127.0.0.1]:{ssh_server.port} {ssh_server.host_key}\n"
        assert found_in(store_of(ssh_server, upload, host_key=None, known_hosts=line)) == []

    def test_a_refused_connection_is_transient(self, ssh_server, upload):
        store = store_of(ssh_server, upload, port=free_port())
        with pytest.raises(RemoteFolderUnavailable, match=r"cannot be reached.*Connection refused"):
            store.listing(TABLE)

    def test_a_server_that_says_nothing_is_transient(self, ssh_server, upload):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            store = store_of(ssh_server, upload, port=port, connect_timeout=0.5)
            began = time.monotonic()
            with pytest.raises(RemoteFolderUnavailable, match="handshake"):
                store.listing(TABLE)
            assert time.monotonic() - began < 5

    def test_an_unknown_name_is_permanent(self, ssh_server, upload, monkeypatch):
        def unknown(*_args: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "create_connection", unknown)
        with pytest.raises(RemoteFolderRefused, match=r"Name or service not known.*shop-sftp"):
            store_of(ssh_server, upload, host="sftp.invalid").listing(TABLE)

    def test_no_common_algorithm_says_what_can_be_done(self, ssh_server, upload):
        ciphers = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"]
        ciphers += ["aes128-ctr", "aes192-ctr", "aes256-ctr"]
        store = store_of(ssh_server, upload, disabled_algorithms={"ciphers": ciphers})
        with pytest.raises(RemoteFolderRefused, match="legacy_algorithms: true in the block"):
            store.listing(TABLE)

    def test_a_server_that_lets_one_session_in_is_read_with_one(self, tmp_path):
        (tmp_path / "served").mkdir()
        sent = {
            f"{n}.csv": put(tmp_path / "served", f"{n}.csv", os.urandom(1_200_000))
            for n in range(4)
        }
        with password_sftp(tmp_path / "served", "word", sessions=1) as server:
            store = SftpServer(
                host="127.0.0.1",
                port=server.port,
                username="shop",
                password="word",
                host_key=server.host_key,
                path="/",
            ).store("shop-sftp")
            assert download(store, found_in(store), tmp_path / "scratch") == sent


class TestFolders:
    def test_a_missing_folder_is_permanent_and_named(self, ssh_server, upload):
        store = store_of(ssh_server, upload / "nowhere")
        with pytest.raises(LandingFolderMissing, match=r"shop_sftp.payments.*nowhere.*shop-sftp"):
            store.listing(TABLE)

    def test_a_file_is_no_folder(self, ssh_server, upload):
        put(upload, "a.csv", b"1")
        with pytest.raises(LandingFolderMissing, match=r"a\.csv"):
            store_of(ssh_server, upload / "a.csv").listing(TABLE)

    def test_a_file_that_may_not_be_read_is_permanent_and_named(self, tmp_path, monkeypatch):
        put(tmp_path, "a.csv", b"1")
        monkeypatch.setattr(Path, "open", _refused)
        with password_sftp(tmp_path, "word") as server:
            store = SftpServer(
                host="127.0.0.1",
                port=server.port,
                username="shop",
                password="word",
                host_key=server.host_key,
                path="/",
            ).store("shop-sftp")
            (fetched,) = store.fetch(found_in(store), tmp_path / "scratch", print)
        assert isinstance(fetched.fault, RemoteFolderRefused)
        assert "does not let shop read a.csv" in str(fetched.fault)

    def test_after_load_move_is_refused(self, store):
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
