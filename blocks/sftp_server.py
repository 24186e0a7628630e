"""The block of the `sftp` connector: a server, a login and its pinned host key."""

from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from lakehouse.connectors.sftp.connection import SftpAccess
from lakehouse.connectors.sftp.folder import SftpFolder
from lakehouse.connectors.sftp.host_key import PinnedKeys


class SftpServer(Block):
    """A folder on an SFTP server.

    Only what stands here is used: no SSH agent, no keys of this machine's user, no `known_hosts`
    of the system.
    """

    _block_type_name: ClassVar[str] = "SFTP Server"
    _block_type_slug: ClassVar[str] = "sftp-server"
    _description: ClassVar[str] = "A folder of an SFTP server, its login and its pinned host key."

    host: str = Field(min_length=1, description="Name or address of the server.")
    port: int = Field(default=22, ge=1, le=65535, description="Port of the server.")
    username: str = Field(min_length=1, description="User who logs in.")
    password: SecretStr | None = Field(default=None, description="Password, if there is no key.")
    private_key: SecretStr | None = Field(
        default=None, description="Text of the private key: ed25519, ecdsa or rsa."
    )
    passphrase: SecretStr | None = Field(
        default=None, description="Passphrase of the private key, if it has one."
    )
    host_key: str | None = Field(
        default=None, description="The server's public key: a line like `ssh-ed25519 AAAA...`."
    )
    known_hosts: str | None = Field(
        default=None, description="Instead of host_key: text or path of a known_hosts file."
    )
    path: str = Field(default="/upload", min_length=1, description="Folder on the server.")
    connections: int = Field(default=4, ge=1, le=16, description="Downloads at the same time.")
    connect_timeout: float = Field(
        default=15, gt=0, description="Seconds for connection, handshake and login, each."
    )
    read_timeout: float = Field(
        default=60, gt=0, description="Longest silence in seconds while an answer is awaited."
    )
    keepalive: int = Field(
        default=30, ge=0, description="Seconds of silence before a sign of life; 0 for none."
    )
    disabled_algorithms: dict[str, list[str]] = Field(
        default_factory=dict,
        description="Algorithms not to be used, by kind: ciphers, macs, kex, keys, pubkeys.",
    )
    legacy_algorithms: bool = Field(
        default=False, description="Allow CBC ciphers and MACs with SHA-1 or MD5 to an old server."
    )

    def store(self, name: str) -> SftpFolder:
        """The folder as the connector reads it; nothing is connected yet.

        Args:
            name: of this block, for messages.

        Raises:
            RemoteFolderRefused: the pinned host key cannot be read.
        """
        pinned = PinnedKeys.of(
            self.host, self.port, name, host_key=self.host_key, known_hosts=self.known_hosts
        )
        access = SftpAccess(
            host=self.host,
            port=self.port,
            username=self.username,
            pinned=pinned,
            password=self.password,
            private_key=self.private_key,
            passphrase=self.passphrase,
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            keepalive=self.keepalive,
            disabled_algorithms=self.disabled_algorithms,
            legacy_algorithms=self.legacy_algorithms,
        )
        return SftpFolder(access, self.path, self.connections)
