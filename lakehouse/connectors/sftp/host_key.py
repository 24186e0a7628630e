"""The pinned identity of an SSH server, checked before anything about us is sent to it."""

import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
from paramiko.hostkeys import HostKeyEntry, HostKeys, InvalidHostKey

from lakehouse.errors import HostKeyUnknown, RemoteFolderRefused

RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")
_ANY_HOST = "*"


@dataclass(frozen=True)
class PinnedKeys:
    """Host keys that a server may show.

    Attributes:
        server: `host:port`, for messages.
        block: name of the block that pins them, for messages.
        keys: public keys; none at all lets nothing pass.
    """

    server: str
    block: str
    keys: tuple[paramiko.PKey, ...] = ()

    @classmethod
    def of(
        cls, host: str, port: int, block: str, *, host_key: str | None, known_hosts: str | None
    ) -> "PinnedKeys":
        """Read pinned keys.

        Args:
            host: as the client calls it.
            port: of the server.
            block: name of the block.
            host_key: lines such as `ssh-ed25519 AAAA...`, with or without a host before them.
            known_hosts: text in the format of OpenSSH's `known_hosts`, or the path of such a file.

        Raises:
            RemoteFolderRefused: a line is no public key, or the file cannot be read.
        """
        server = f"{host}:{port}"
        keys = [*_keys_of_lines(host_key or "", block)]
        if known_hosts:
            keys += _known_keys(host, port, known_hosts, block)
        return cls(server, block, tuple(keys))

    def preferred(self, offered: Iterable[str]) -> tuple[str, ...]:
        """Algorithms to agree on, those of pinned keys first."""
        names = {name for key in self.keys for name in _algorithms(key)}
        algorithms = tuple(offered)
        return (
            *(name for name in algorithms if name in names),
            *(name for name in algorithms if name not in names),
        )

    def check(self, shown: paramiko.PKey) -> None:
        """Let only a pinned key pass.

        Raises:
            HostKeyUnknown: with the fingerprint seen and what to put into the block.
        """
        if shown in self.keys:
            return
        line = f"{shown.get_name()} {shown.get_base64()}"
        seen = f"{self.server} shows the host key {shown.fingerprint} ({shown.get_name()})"
        if self.keys:
            pinned = ", ".join(f"{key.fingerprint} ({key.get_name()})" for key in self.keys)
            raise HostKeyUnknown(
                f"{seen}, but {pinned} is pinned. Either the server got a new key or somebody "
                "stands between. Ask its operator; if the new one is right, set host_key of the "
                f"block {self.block} to: {line}"
            )
        raise HostKeyUnknown(
            f"{seen}, and none is pinned. Compare it with what its operator says; if it is right, "
            f"set host_key of the block {self.block} to: {line}"
        )


def _algorithms(key: paramiko.PKey) -> tuple[str, ...]:
    return RSA_SIGNATURES if key.get_name() == "ssh-rsa" else (key.get_name(),)


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield stripped


def _keys_of_lines(text: str, block: str) -> Iterator[paramiko.PKey]:
    for line in _lines(text):
        entry = _entry(f"{_ANY_HOST} {line}") or _entry(line)
        if entry is None or entry.key is None:
            raise RemoteFolderRefused(
                f"Block {block}: host_key is not a public key such as `ssh-ed25519 AAAA...` "
                "(types: ssh-ed25519, ecdsa-sha2-nistp256/384/521, ssh-rsa)."
            )
        yield entry.key


def _known_keys(host: str, port: int, known_hosts: str, block: str) -> list[paramiko.PKey]:
    text = known_hosts
    if "\n" not in text and " " not in text.strip():
        path = Path(text.strip()).expanduser()
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RemoteFolderRefused(
                f"Block {block}: known_hosts names {path}, which cannot be read "
                f"({type(error).__name__})."
            ) from None
    name = host if port == paramiko.config.SSH_PORT else f"[{host}]:{port}"
    revoked = {line.split(None, 1)[1] for line in _lines(text) if line.startswith("@revoked ")}
    found = _matching(name, (line for line in _lines(text) if not line.startswith("@")))
    refused = _matching(name, revoked)
    return [key for key in found if key not in refused]


def _matching(name: str, lines: Iterable[str]) -> list[paramiko.PKey]:
    keys = []
    for line in lines:
        entry = _entry(line)
        if entry is None or entry.key is None:
            continue
        one = HostKeys()
        for host in entry.hostnames or ():
            one.add(host, entry.key.get_name(), entry.key)
        if one.lookup(name):
            keys.append(entry.key)
    return keys


def _entry(line: str) -> HostKeyEntry | None:
    try:
        return HostKeyEntry.from_line(line)
    except (InvalidHostKey, paramiko.SSHException, ValueError, binascii.Error, IndexError):
        return None
