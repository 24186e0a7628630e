import base64
import struct
from pathlib import Path

import paramiko
import pytest

from lakehouse.connectors.sftp.host_key import PinnedKeys
from lakehouse.errors import HostKeyUnknown, RemoteFolderRefused


def make_line(number: int) -> str:
    """A public key of type ed25519."""
    name = b"ssh-ed25519"
    point = bytes([number]) + bytes(31)
    body = struct.pack(">I", len(name)) + name + struct.pack(">I", 32) + point
    return f"ssh-ed25519 {base64.b64encode(body).decode()}"


OURS, OTHER = make_line(1), make_line(2)
RSA = "ssh-rsa " + paramiko.RSAKey.generate(2048).get_base64()


def key_of(line: str) -> paramiko.PKey:
    kind, body = line.split()[:2]
    return paramiko.PKey.from_type_string(kind, base64.b64decode(body))


def pinned(host_key: str | None = None, known_hosts: str | None = None, port: int = 2222):
    return PinnedKeys.of(
        "sftp.example", port, "shop-sftp", host_key=host_key, known_hosts=known_hosts
    )


@pytest.mark.parametrize(
    "host_key",
    [
        OURS,
        f"{OTHER}\n{OURS}\n",
        f"  {OURS} a comment",
        f"[sftp.example]:2222 {OURS}",
        f"# x\n{OURS}",
    ],
)
def test_a_pinned_key_passes(host_key):
    pinned(host_key).check(key_of(OURS))


@pytest.mark.parametrize(
    ("port", "text"),
    [
        (2222, f"[sftp.example]:2222 {OURS}"),
        (22, f"other,sftp.example {OURS}"),
        (2222, f"# mine\n\n@cert-authority * {OTHER}\n[sftp.example]:2222 {OURS} me\nbad line\n"),
        (22, "|1|{}"),
    ],
)
def test_a_key_of_known_hosts_passes_for_its_host_and_port(port, text):
    if text.startswith("|1|"):
        text = f"{paramiko.HostKeys.hash_host('sftp.example')} {OURS}"
    pinned(known_hosts=text, port=port).check(key_of(OURS))
    with pytest.raises(HostKeyUnknown, match="none is pinned"):
        pinned(known_hosts=text, port=port + 1).check(key_of(OURS))


def test_known_hosts_may_be_a_file(tmp_path: Path):
    (tmp_path / "known").write_text(f"sftp.example {OURS}\n")
    pinned(known_hosts=str(tmp_path / "known"), port=22).check(key_of(OURS))
    with pytest.raises(RemoteFolderRefused, match=r"Block shop-sftp: known_hosts names .*nowhere"):
        pinned(known_hosts=str(tmp_path / "nowhere"))


def test_a_revoked_key_does_not_pass():
    text = f"sftp.example {OURS}\n@revoked sftp.example {OURS}\n"
    with pytest.raises(HostKeyUnknown):
        pinned(known_hosts=text, port=22).check(key_of(OURS))


def test_a_changed_key_is_told_with_both_fingerprints_and_the_line_to_pin():
    with pytest.raises(HostKeyUnknown) as caught:
        pinned(OURS).check(key_of(OTHER))
    message = str(caught.value)
    assert key_of(OTHER).fingerprint in message
    assert key_of(OURS).fingerprint in message
    assert f"set host_key of the block shop-sftp to: {OTHER}" in message
    assert "sftp.example:2222" in message


def test_no_pinned_key_lets_nothing_pass_and_shows_what_to_pin():
    with pytest.raises(HostKeyUnknown, match="none is pinned") as caught:
        pinned().check(key_of(OURS))
    assert OURS in str(caught.value)


@pytest.mark.parametrize(
    "line", ["ssh-ed25519", "AAAA", "ssh-dss AAAAB3NzaC1kc3M=", "ssh-ed25519 !"]
)
def test_what_is_no_key_is_refused_with_its_block(line):
    with pytest.raises(RemoteFolderRefused, match="Block shop-sftp: host_key is not a public key"):
        pinned(line)


def test_the_pinned_kind_of_key_is_asked_for_first():
    offered = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256")
    assert pinned(RSA).preferred(offered)[:2] == ("rsa-sha2-512", "rsa-sha2-256")
    assert pinned(OURS).preferred(offered) == offered
    assert set(pinned(RSA).preferred(offered)) == set(offered)
