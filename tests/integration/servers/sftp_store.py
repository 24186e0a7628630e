"""A store of an SFTP server for tests, and what tests do with it."""

import hashlib
from contextlib import closing
from pathlib import Path
from typing import Any

from servers.password_sftp import PasswordServer
from servers.sshd import SshServer

from blocks.sftp_server import SftpServer
from lakehouse.connectors.file_store import FetchedFile, FoundFile, files_of
from lakehouse.connectors.sftp.folder import SftpFolder
from lakehouse.source_catalog import Table

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


def store_of(server: SshServer, folder: Path, **fields: Any) -> SftpFolder:
    """A folder of an OpenSSH server, with the key that is let in."""
    block = SftpServer(
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
    return block.store("shop-sftp")


def password_block(server: PasswordServer, **fields: Any) -> SftpServer:
    """What is served to the user `shop`, with the right password."""
    return SftpServer(
        **{
            "host": "127.0.0.1",
            "port": server.port,
            "username": "shop",
            "password": server.password,
            "host_key": server.host_key,
            "path": "/",
            **fields,
        }
    )


def found_in(store: SftpFolder) -> list[FoundFile]:
    """The files of `TABLE`."""
    with closing(store):
        return list(files_of(TABLE, store.listing(TABLE)).files)


def download(store: SftpFolder, files: list[FoundFile], scratch: Path) -> dict[str, str]:
    """Hash of each file as it came."""
    with closing(store.fetch(files, scratch, lambda _text: None)) as downloads:
        return {fetched.found.name: _sha256_of(fetched) for fetched in downloads}


def put(folder: Path, name: str, content: bytes) -> str:
    """Write a file; returns its hash."""
    (folder / name).write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _sha256_of(fetched: FetchedFile) -> str:
    assert fetched.fault is None, fetched.fault
    assert fetched.local_name
    return hashlib.sha256((fetched.folder / fetched.local_name).read_bytes()).hexdigest()
