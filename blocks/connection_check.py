"""Whether the source behind a block answers: for `aljibe doctor`, before a run has to find out."""

from contextlib import closing

import httpx
from prefect.blocks.core import Block
from prefect_sqlalchemy import SqlAlchemyConnector

from blocks.database import url_of
from blocks.declared import declared_block, find_block
from blocks.http_api import HttpApi
from blocks.landing_folder import LandingFolder
from blocks.sftp_server import SftpServer
from lakehouse.connectors.database.engine import dialect_of, make_engine
from lakehouse.errors import ApiUnavailable, BlockInvalid
from lakehouse.settings import Settings
from lakehouse.source_catalog import Table

_SECONDS = 10
BLOCK_OF: dict[str, type[Block]] = {
    "files": LandingFolder,
    "sftp": SftpServer,
    "database": SqlAlchemyConnector,
    "api": HttpApi,
}


def check_connection(table: Table, settings: Settings, *, saved: bool) -> str:
    """Connect to the source of a table as a run would, and read nothing of it.

    Args:
        table: one of those that its block serves.
        settings: of this machine.
        saved: whether a Prefect API may have the block; else `blocks.yaml` alone counts.

    Returns:
        What was found, in words.

    Raises:
        BlockInvalid: no such block, of another type, or incomplete.
        AljibeError: the source refuses or does not answer.
    """
    kind = BLOCK_OF[table.connector]
    block: Block = (
        find_block(table.block, kind, settings) if saved else declared_block(table.block, settings)
    )
    if isinstance(block, LandingFolder):
        return _folder(block, table)
    if isinstance(block, SftpServer):
        with closing(block.store(table.block)) as store:
            return f"{block.host}:{block.port}{block.path}, {len(store.listing(table))} files"
    if isinstance(block, HttpApi):
        return _api(block, table)
    if isinstance(block, SqlAlchemyConnector):
        return _database(block)
    raise BlockInvalid(f"Block {table.block} is a {type(block).__name__}, not a {kind.__name__}.")


def _folder(block: LandingFolder, table: Table) -> str:
    if block.is_local:
        folder = block.folder()
        if not folder.is_dir():
            raise BlockInvalid(f"{folder} does not exist; create it")
        return str(folder)
    with closing(block.store(table.block)) as store:
        return f"{store}, {len(store.listing(table))} files"


def _database(block: SqlAlchemyConnector) -> str:
    url = url_of(block)
    dialect = dialect_of(url)
    with dialect.faults(), dialect.snapshot(make_engine(url), 1) as connections:
        tables = len(dialect.relations(connections[0]))
    return f"{url.render_as_string(hide_password=True)}, {tables} tables and views"


def _api(block: HttpApi, table: Table) -> str:
    with block.access(table.block).open_client() as client:
        try:
            with client.stream("GET", block.base_url, timeout=_SECONDS) as answer:
                code = answer.status_code
        except httpx.HTTPError as error:
            cause = str(error) or type(error).__name__
            raise ApiUnavailable(f"{block.base_url} does not answer: {cause}") from None
    # The root of an API is often 404: an answer of any kind shows that it is there.
    return f"{block.base_url} answers {code}"
