"""DuckDB connections that can read a bucket."""

from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from lakehouse.aws_access import s3_access
from lakehouse.errors import LakeRefused
from lakehouse.lake.duckdb_extensions import load_extensions
from lakehouse.settings import load_settings
from lakehouse.sql_quoting import sql_string


def let_read_s3(
    connection: duckdb.DuckDBPyConnection, url: str, extensions: Path, name: str
) -> None:
    """Give a connection what it needs to read and write a bucket; nothing is left on a disk.

    Temporary credentials stay as they are now: botocore renews them a quarter of an hour before
    their end.

    Args:
        connection: whose whole database gets the secret.
        url: such as `s3://bucket/prefix`; the secret is for this bucket alone.
        extensions: see `prepare_extensions`.
        name: of the secret; one of that name is replaced.

    Raises:
        LakeRefused: there are no credentials, or DuckDB does not take them.
        ExtensionMissing: the package of the extension httpfs is not installed.
    """
    load_extensions(connection, extensions, ["httpfs"])
    bucket = urlsplit(url).netloc
    access = s3_access(bucket)
    values = {
        "key_id": access.key_id,
        "secret": access.secret,
        "session_token": access.token,
        "region": access.region,
        "endpoint": access.endpoint,
        "url_style": access.url_style,
        "scope": f"s3://{bucket}",
    }
    told = ", ".join(f"{key} {sql_string(value)}" for key, value in values.items() if value)
    try:
        connection.execute(
            f"create or replace temporary secret {name} "
            f"(type s3, provider config, use_ssl {str(access.use_ssl).lower()}, {told})"
        )
    except duckdb.Error as error:
        # DuckDB's words quote the statement, and with it the secret.
        raise LakeRefused(
            f"DuckDB does not take the credentials of bucket {bucket} ({type(error).__name__})."
        ) from None


def let_read_raw(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a connection read the raw views of the environment's lake, wherever RAW lies.

    Raises:
        LakeRefused, ExtensionMissing: see `let_read_s3`.
    """
    settings = load_settings()
    if settings.raw_url:
        let_read_s3(connection, settings.raw_url, settings.extensions, "aljibe_raw")
