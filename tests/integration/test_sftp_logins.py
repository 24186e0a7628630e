"""Who is let in to an SFTP server, who is not, and what is said about it."""

import logging
import os
import socket
import time

import pytest
from servers.child_process import free_port
from servers.password_sftp import password_sftp
from servers.sftp_store import TABLE, download, found_in, password_block, put, store_of
from servers.sshd import make_key

from lakehouse.errors import (
    HostKeyUnknown,
    PermanentError,
    RemoteFolderRefused,
    RemoteFolderUnavailable,
)

pytestmark = pytest.mark.integration


def test_a_password_lets_in_and_shows_nowhere(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    (tmp_path / "served").mkdir()
    sent = {"a.csv": put(tmp_path / "served", "a.csv", os.urandom(500_000))}
    with password_sftp(tmp_path / "served", "s3cret-word") as server:
        block = password_block(server)
        store = block.store("shop-sftp")
        assert download(store, found_in(store), tmp_path / "scratch") == sent
    assert "s3cret-word" not in caplog.text + repr(block) + repr(store) + str(store)


def test_a_wrong_password_is_permanent_and_not_repeated(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    with password_sftp(tmp_path, "right") as server:
        store = password_block(server, password="s3cret-wrong").store("shop-sftp")
        with pytest.raises(
            RemoteFolderRefused, match=r"refuses the user shop with its password.*shop-sftp"
        ) as caught:
            store.listing(TABLE)
        assert server.tried == ["shop"]
    assert "s3cret-wrong" not in caplog.text + str(caught.value) + repr(caught.value.__cause__)


def test_a_key_that_is_not_let_in_is_permanent(ssh_server, upload, tmp_path):
    make_key(tmp_path / "other")
    stranger = (tmp_path / "other").read_text()
    store = store_of(ssh_server, upload, private_key=stranger)
    with pytest.raises(RemoteFolderRefused, match="private_key in the block shop-sftp") as caught:
        store.listing(TABLE)
    assert stranger.splitlines()[1] not in str(caught.value)


def test_a_key_goes_before_a_password_where_both_are_there(ssh_server, upload):
    put(upload, "a.csv", b"1")
    assert found_in(store_of(ssh_server, upload, password="not asked for"))


def test_a_server_of_passwords_only_gets_the_password(tmp_path):
    make_key(tmp_path / "key")
    put(tmp_path, "a.csv", b"1")
    with password_sftp(tmp_path, "word") as server:
        key = (tmp_path / "key").read_text()
        store = password_block(server, private_key=key).store("shop-sftp")
        assert [file.name for file in found_in(store)] == ["a.csv"]


@pytest.mark.parametrize("kind", ["ecdsa", "rsa", "ed25519"])
def test_keys_of_each_type_and_with_a_passphrase_let_in(ssh_server, upload, tmp_path, kind):
    public = make_key(tmp_path / "key", kind, "pass phrase")
    with (ssh_server.folder / "authorized_keys").open("a") as keys:
        keys.write(f"{public}\n")
    text = (tmp_path / "key").read_text()
    one_line = text.strip().replace("\n", "\\n")
    assert (
        found_in(store_of(ssh_server, upload, private_key=one_line, passphrase="pass phrase")) == []
    )
    with pytest.raises(RemoteFolderRefused, match="encrypted; give its passphrase"):
        store_of(ssh_server, upload, private_key=text).listing(TABLE)
    with pytest.raises(RemoteFolderRefused, match="its passphrase is wrong") as caught:
        store_of(ssh_server, upload, private_key=text, passphrase="s3cret").listing(TABLE)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("fields", [{"private_key": None}, {"private_key": "no key s3cret"}])
def test_missing_and_unreadable_credentials_are_permanent(ssh_server, upload, fields):
    with pytest.raises(PermanentError, match="Block shop-sftp") as caught:
        store_of(ssh_server, upload, **fields).listing(TABLE)
    assert "s3cret" not in str(caught.value)


def test_another_host_key_is_refused_before_anything_is_sent(tmp_path):
    other = make_key(tmp_path / "other")
    with password_sftp(tmp_path, "word") as server:
        for pinned in (other, None):
            store = password_block(server, host_key=pinned).store("shop-sftp")
            with pytest.raises(HostKeyUnknown, match="SHA256:") as caught:
                store.listing(TABLE)
            assert server.host_key in str(caught.value)
        assert server.tried == []


def test_known_hosts_pin_as_ssh_keyscan_writes_them(ssh_server, upload):
    line = f"[127.0.0.1]:{ssh_server.port} {ssh_server.host_key}\n"
    assert found_in(store_of(ssh_server, upload, host_key=None, known_hosts=line)) == []


def test_a_refused_connection_is_transient(ssh_server, upload):
    store = store_of(ssh_server, upload, port=free_port())
    with pytest.raises(RemoteFolderUnavailable, match=r"cannot be reached.*Connection refused"):
        store.listing(TABLE)


def test_a_server_that_says_nothing_is_transient(ssh_server, upload):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        store = store_of(ssh_server, upload, port=port, connect_timeout=0.5)
        began = time.monotonic()
        with pytest.raises(RemoteFolderUnavailable, match="handshake"):
            store.listing(TABLE)
        assert time.monotonic() - began < 5


def test_an_unknown_name_is_permanent(ssh_server, upload, monkeypatch):
    def unknown(*_args: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unknown)
    with pytest.raises(RemoteFolderRefused, match=r"Name or service not known.*shop-sftp"):
        store_of(ssh_server, upload, host="sftp.invalid").listing(TABLE)


def test_no_common_algorithm_says_what_can_be_done(ssh_server, upload):
    ciphers = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"]
    ciphers += ["aes128-ctr", "aes192-ctr", "aes256-ctr"]
    store = store_of(ssh_server, upload, disabled_algorithms={"ciphers": ciphers})
    with pytest.raises(RemoteFolderRefused, match="legacy_algorithms: true in the block"):
        store.listing(TABLE)


def test_a_server_that_lets_one_session_in_is_read_with_one(tmp_path):
    (tmp_path / "served").mkdir()
    sent = {
        f"{n}.csv": put(tmp_path / "served", f"{n}.csv", os.urandom(1_200_000)) for n in range(4)
    }
    with password_sftp(tmp_path / "served", "word", sessions=1) as server:
        store = password_block(server).store("shop-sftp")
        files = found_in(store)
        for transport in server.transports:
            transport.join(20)
        assert download(store, files, tmp_path / "scratch") == sent


def test_an_old_server_is_spoken_to_only_where_its_block_says_so(tmp_path):
    put(tmp_path, "a.csv", b"1")
    with password_sftp(tmp_path, "word", ciphers=("aes128-cbc", "3des-cbc")) as server:
        with pytest.raises(RemoteFolderRefused, match="legacy_algorithms: true in the block"):
            password_block(server).store("shop-sftp").listing(TABLE)
        old = password_block(server, legacy_algorithms=True).store("shop-sftp")
        assert [file.name for file in found_in(old)] == ["a.csv"]
    assert server.tried == ["shop"]
