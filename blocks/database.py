"""The block of the `database` connector: Prefect's own SqlAlchemyConnector, as a URL."""

from prefect_sqlalchemy import ConnectionComponents, SqlAlchemyConnector
from sqlalchemy import URL

from blocks.database_url import parsed_url, with_installed_driver
from blocks.declared import declared_block, find_block
from lakehouse.errors import BlockInvalid
from lakehouse.settings import Settings


def database_url(name: str, settings: Settings, *, saved: bool = True) -> URL:
    """URL of the database that a block names, with the driver that is installed.

    Args:
        name: of the block.
        settings: of this machine.
        saved: whether a Prefect API may have the block; else `blocks.yaml` alone counts, and no
            API is started for the question.

    Raises:
        BlockInvalid: no such block, of another type, or its URL cannot be read.
        PrefectUnavailable: the API that may have it does not answer.
    """
    if saved:
        return url_of(find_block(name, SqlAlchemyConnector, settings))
    block = declared_block(name, settings)
    if not isinstance(block, SqlAlchemyConnector):
        raise BlockInvalid(f"Block {name} is a {type(block).__name__}, not a database.")
    return url_of(block)


def url_of(block: SqlAlchemyConnector) -> URL:
    """URL of a block, with the driver that is installed.

    Raises:
        BlockInvalid: it cannot be read.
    """
    known = block.connection_info
    url = known.create_url() if isinstance(known, ConnectionComponents) else parsed_url(str(known))
    return with_installed_driver(url)
