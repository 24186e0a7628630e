"""An authenticated SFTP session: address, time-outs, algorithms, credentials; no default of any."""

import io
import logging
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import paramiko
from pydantic import SecretStr

from lakehouse.connectors.sftp.host_key import PinnedKeys
from lakehouse.connectors.sftp.protocol import SftpProtocol
from lakehouse.errors import HostKeyUnknown, RemoteFolderRefused, RemoteFolderUnavailable

# Encryption of whole packets at once is more than twice as fast as counter mode with a MAC.
CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)
LEGACY_CIPHERS = ("aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc")
LEGACY_MACS = ("hmac-sha1", "hmac-sha1-96", "hmac-md5", "hmac-md5-96")
WINDOW_BYTES = 8 << 20
PACKET_BYTES = 250 << 10
_LOG_CHANNEL = "lakehouse.sftp"


@dataclass(frozen=True)
class SftpAccess:
    """How to reach one SFTP server, and as whom.

    Attributes:
        password: or None; asked for after the key where both are there.
        private_key: text of an OpenSSH or PEM private key, or None.
        passphrase: of the private key, if it has one.
        connect_timeout: seconds for address, handshake and login, each.
        read_timeout: longest silence in seconds while an answer is awaited.
        keepalive: seconds of silence after which a sign of life is sent; 0 for none.
        disabled_algorithms: by kind (`ciphers`, `macs`, `kex`, `keys`, `pubkeys`), not to be used.
        legacy_algorithms: allow CBC ciphers and MACs with SHA-1 and MD5, too.
    """

    host: str
    port: int
    username: str
    pinned: PinnedKeys
    password: SecretStr | None = None
    private_key: SecretStr | None = None
    passphrase: SecretStr | None = None
    connect_timeout: float = 15
    read_timeout: float = 60
    keepalive: int = 30
    disabled_algorithms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    legacy_algorithms: bool = False

    @property
    def server(self) -> str:
        """The server as messages say it."""
        return f"The SFTP server {self.host}:{self.port}"


@dataclass(frozen=True)
class SftpSession:
    """A session and what ends it."""

    protocol: SftpProtocol
    close: Callable[[], None]


def open_session(access: SftpAccess) -> SftpSession:
    """Connect, check the host key, log in and begin a session.

    Raises:
        HostKeyUnknown: before anything about the user was sent.
        RemoteFolderRefused: address, login or algorithms are not accepted.
        RemoteFolderUnavailable: no connection now.
    """
    key = _private_key(access)
    transport = _transport(access)
    try:
        with _spoken(access):
            transport.start_client(timeout=access.connect_timeout)
            access.pinned.check(transport.get_remote_server_key())
            _log_in(transport, access, key)
            transport.set_keepalive(access.keepalive)
            channel = transport.open_session(WINDOW_BYTES, PACKET_BYTES, access.connect_timeout)
            channel.settimeout(access.read_timeout)
            channel.invoke_subsystem("sftp")
        return SftpSession(SftpProtocol(channel, access.server), transport.close)
    except BaseException:
        transport.close()
        raise


def _transport(access: SftpAccess) -> paramiko.Transport:
    try:
        connection = socket.create_connection((access.host, access.port), access.connect_timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except socket.gaierror as error:
        kind = RemoteFolderRefused
        if error.errno == socket.EAI_AGAIN:
            kind = RemoteFolderUnavailable  # type: ignore[assignment]
        raise kind(
            f"{access.server} has no address ({error.strerror}). Check host in the block "
            f"{access.pinned.block}."
        ) from None
    except OSError as error:
        raise RemoteFolderUnavailable(
            f"{access.server} cannot be reached ({error.strerror or error}). Check host and port "
            f"in the block {access.pinned.block}, and that it is running."
        ) from error
    disabled: dict[str, Any] = {kind: list(n) for kind, n in access.disabled_algorithms.items()}
    transport = paramiko.Transport(connection, disabled_algorithms=disabled)
    # Its own reports repeat, with stack traces, what our errors say.
    transport.set_log_channel(_LOG_CHANNEL)
    logging.getLogger(_LOG_CHANNEL).setLevel(logging.CRITICAL)
    transport.banner_timeout = transport.handshake_timeout = access.connect_timeout
    transport.auth_timeout = transport.channel_timeout = access.connect_timeout
    options = transport.get_security_options()
    options.ciphers = CIPHERS + (LEGACY_CIPHERS if access.legacy_algorithms else ())
    options.digests = MACS + (LEGACY_MACS if access.legacy_algorithms else ())
    options.key_types = access.pinned.preferred(options.key_types)
    return transport


def _log_in(transport: paramiko.Transport, access: SftpAccess, key: paramiko.PKey | None) -> None:
    still_wanted: list[str] = []
    if key:
        try:
            still_wanted = transport.auth_publickey(access.username, key)
        except paramiko.BadAuthenticationType as refusal:
            if not (access.password and "password" in refusal.allowed_types):
                raise
            still_wanted = ["password"]
        except paramiko.AuthenticationException:
            if not (access.password and transport.is_active()):
                raise
            still_wanted = ["password"]
    if access.password and (not key or still_wanted):
        transport.auth_password(access.username, access.password.get_secret_value())
    if not transport.is_authenticated():
        raise paramiko.AuthenticationException("more than these is asked for")


@contextmanager
def _spoken(access: SftpAccess) -> Iterator[None]:
    """Tell who is at fault when the handshake fails."""
    server, block = access.server, access.pinned.block
    try:
        yield
    except HostKeyUnknown:
        raise
    except paramiko.AuthenticationException as error:
        if "timeout" in str(error).lower() or "EOF" in str(error):
            raise RemoteFolderUnavailable(f"{server} did not answer the login.") from error
        tried = [name for name in ("private_key", "password") if getattr(access, name)]
        wanted = ", ".join(getattr(error, "allowed_types", ())) or "not said"
        raise RemoteFolderRefused(
            f"{server} refuses the user {access.username} with its {' and '.join(tried)}. Check "
            f"username, {' and '.join(tried)} in the block {block} (accepted: {wanted})."
        ) from None
    except paramiko.ssh_exception.IncompatiblePeer as error:
        raise RemoteFolderRefused(
            f"{server} and Aljibe have no algorithm in common ({_said(error)}). If the server "
            f"cannot be renewed, set legacy_algorithms: true in the block {block}."
        ) from None
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise RemoteFolderUnavailable(f"{server} ended the handshake ({_said(error)}).") from error


def _said(error: Exception) -> str:
    """The cause in a few words; some of them come from the server."""
    words = "".join(c for c in str(error) if c.isprintable())[:200]
    return words or type(error).__name__


def _private_key(access: SftpAccess) -> paramiko.PKey | None:
    block = access.pinned.block
    if access.private_key is None:
        if access.password is None:
            raise RemoteFolderRefused(f"Block {block} has neither password nor private_key.")
        return None
    # A variable of one line holds a key with its line ends written out.
    text = access.private_key.get_secret_value().replace("\\n", "\n").strip() + "\n"
    passphrase = access.passphrase.get_secret_value() if access.passphrase else None
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text), passphrase)
        except paramiko.PasswordRequiredException:
            raise RemoteFolderRefused(
                f"Block {block}: private_key is encrypted; give its passphrase."
            ) from None
        except (paramiko.SSHException, ValueError, TypeError, IndexError):
            continue
    raise RemoteFolderRefused(
        f"Block {block}: private_key cannot be read: it is no OpenSSH or PEM key of type ed25519, "
        "ecdsa or rsa, or its passphrase is wrong."
    )
