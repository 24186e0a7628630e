"""Where the deliveries of a table come from, as names of datasets without credentials."""

from blocks.declared import find_block
from lakehouse.connectors.api.request_plan import api_options
from lakehouse.lineage_events.dataset_names import (
    api_resource,
    database_table,
    file_behind_url,
    local_path,
    sftp_file,
)
from lakehouse.lineage_events.load_runs import SourceName
from lakehouse.settings import Settings
from lakehouse.source_catalog import Table


def source_name(table: Table, settings: Settings) -> SourceName:
    """From the file name of a delivery to the dataset that it came from.

    Raises:
        BlockInvalid: the block of the table cannot be had.
        PrefectUnavailable: the API that may have it does not answer.
    """
    # Clients of databases and servers are imported only where one is used.
    if table.connector == "database":
        from blocks.database import database_url  # noqa: PLC0415

        url, options = database_url(table.block, settings), table.meta.database
        name = database_table(url, (options and options.relation) or table.name)
        return lambda _file: name
    if table.connector == "api":
        from blocks.http_api import HttpApi  # noqa: PLC0415

        base_url = find_block(table.block, HttpApi, settings).base_url
        resource = api_resource(base_url, api_options(table).path)
        return lambda _file: resource
    if table.connector == "sftp":
        from blocks.sftp_server import SftpServer  # noqa: PLC0415

        server = find_block(table.block, SftpServer, settings)
        return lambda file: sftp_file(server.host, server.port, server.path, file)
    from blocks.landing_folder import LandingFolder  # noqa: PLC0415

    landing = find_block(table.block, LandingFolder, settings)
    if landing.is_local:
        folder = landing.folder()
        return lambda file: local_path(folder / file)
    return lambda file: file_behind_url(landing.path, file)
