"""Load what is new on an SFTP server: `python sftp_load.py PORT USER KEY HOST_KEY PATH`.

Into the lake of ALJIBE_HOME, as the flow does it, but without Prefect: quick to start and to kill.
"""

import sys
from contextlib import closing
from pathlib import Path

from pydantic import SecretStr

from lakehouse.connectors.download_folder import download_parent
from lakehouse.connectors.sftp.connection import SftpAccess
from lakehouse.connectors.sftp.folder import SftpFolder
from lakehouse.connectors.sftp.host_key import PinnedKeys
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.load_file import load_file
from lakehouse.lake.pending_files import look_for_files
from lakehouse.lake.raw_lake import RawLake
from lakehouse.settings import load_settings
from lakehouse.source_catalog import Table

PAYMENTS = Table.model_validate(
    {
        "source": "shop_sftp",
        "name": "payments",
        "connector": "sftp",
        "block": "shop-sftp",
        "schema_name": "raw",
        "meta": {"load": "append", "pattern": "*.csv", "settle_seconds": 0.01},
        "columns": [{"name": "id", "data_type": "integer"}, {"name": "city"}],
        "file": Path("_shop__sources.yml"),
    }
)


def folder_of(port: int, username: str, private_key: str, host_key: str, path: str) -> SftpFolder:
    """The store, without a block."""
    pinned = PinnedKeys.of("127.0.0.1", port, "shop-sftp", host_key=host_key, known_hosts=None)
    access = SftpAccess("127.0.0.1", port, username, pinned, private_key=SecretStr(private_key))
    return SftpFolder(access, path)


def load_new(store: SftpFolder, lake: RawLake, table: Table = PAYMENTS) -> list[Delivery]:
    """Load every file that the ledger does not have."""
    with closing(store):
        listed = look_for_files(store, table, lake)
    work = [file.found for file in listed.files if file.pending]
    scratch = download_parent(lake.settings.scratch, table.source, table.name)
    deliveries = []
    with closing(store.fetch(work, scratch, lambda _text: None)) as fetched:
        for copy in fetched:
            if copy.fault:
                raise copy.fault
            loaded = load_file(copy.folder, copy.found, table, lake, local_name=copy.local_name)
            deliveries.append(loaded)
            print(loaded.file_name, loaded.status, flush=True)
    return deliveries


def main() -> None:
    """Load once."""
    port, username, key_file, host_key, path = sys.argv[1:]
    store = folder_of(int(port), username, Path(key_file).read_text(), host_key, path)
    load_new(store, RawLake.of(load_settings()))


if __name__ == "__main__":
    main()
