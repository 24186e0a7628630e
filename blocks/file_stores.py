"""The folder that a table's block names, as its connector reads it."""

from blocks.declared import find_block
from blocks.landing_folder import LandingFolder
from lakehouse.connectors.file_store import FileStore
from lakehouse.errors import BlockInvalid
from lakehouse.settings import Settings
from lakehouse.source_catalog import Table


def open_file_store(table: Table, settings: Settings) -> FileStore:
    """Give the folder of a table of connector `files` or `sftp`; nothing is connected yet.

    Raises:
        BlockInvalid: there is no such block, it lacks something, or it cannot do what is asked.
        PrefectUnavailable: the API that may have the block does not answer.
    """
    if table.connector == "files":
        block = find_block(table.block, LandingFolder, settings)
        if table.meta.after_load == "move" and not block.is_local:
            raise BlockInvalid(
                f"{table.full_name}: after_load: move is for local folders, and the block "
                f"{table.block} is a URL. Leave it out: the ledger remembers what was loaded."
            )
        return block.store(table.block)
    # paramiko is imported only where a table comes by SFTP.
    from blocks.sftp_server import SftpServer  # noqa: PLC0415

    return find_block(table.block, SftpServer, settings).store(table.block)
