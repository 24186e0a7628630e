"""Names of datasets, after the naming rules of OpenLineage: https://openlineage.io/docs/spec/naming.

A name holds no user, no password and no query. The same thing has the same name in every step, so
that what one writes is what the next reads.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import URL

from lakehouse.lake.warehouse import Warehouse

_DEFAULT_PORTS = {"mysql": 3306, "postgresql": 5432}
# Where the rules have another word for a database than its URLs.
_NAMESPACES = {"postgresql": "postgres"}


@dataclass(frozen=True, order=True)
class DatasetName:
    """A dataset: `namespace` is the system that holds it, `name` is unique in there."""

    namespace: str
    name: str


def local_path(path: Path) -> DatasetName:
    """A file or folder of this machine."""
    return DatasetName("file", str(path.absolute()))


def file_behind_url(folder: str, file_name: str) -> DatasetName:
    """A file in a folder behind an fsspec URL, such as `s3://bucket/folder`."""
    url = urlsplit(folder)
    path = f"{url.path.rstrip('/')}/{file_name}"
    if not url.netloc:
        return DatasetName(url.scheme, path)
    return DatasetName(f"{url.scheme}://{_without_user(url.netloc)}", path.lstrip("/"))


def sftp_file(host: str, port: int, folder: str, file_name: str) -> DatasetName:
    """A file on an SFTP server."""
    return DatasetName(f"sftp://{host}:{port}", f"{folder.rstrip('/')}/{file_name}")


def api_resource(base_url: str, path: str) -> DatasetName:
    """What an HTTP API answers below a path; placeholders of the path stay as declared."""
    url = urlsplit(base_url)
    namespace = f"{url.scheme}://{_without_user(url.netloc)}{url.path}".rstrip("/")
    return DatasetName(namespace, re.split("[?#]", path, maxsplit=1)[0] or "/")


def database_table(url: URL, relation: str) -> DatasetName:
    """A table of a database.

    Args:
        url: of the database; its user, password and query are left out.
        relation: `table` or `schema.table`.
    """
    kind = url.get_backend_name()
    if kind == "sqlite":
        return DatasetName(f"sqlite://{url.database or ':memory:'}", relation)
    port = url.port or _DEFAULT_PORTS.get(kind)
    place = f"{url.host or 'localhost'}{f':{port}' if port else ''}"
    if kind == "postgresql" and "." not in relation:
        relation = f"public.{relation}"
    of_database = [] if kind == "mysql" and "." in relation else [url.database or ""]
    name = ".".join(part for part in (*of_database, relation) if part)
    return DatasetName(f"{_NAMESPACES.get(kind, kind)}://{place}", name)


def raw_table(raw: Path | str, source: str, table: str) -> DatasetName:
    """A table of the RAW lake: the folder, or prefix of a bucket, that holds its batches."""
    if isinstance(raw, str):
        return file_behind_url(f"{raw}/{source}", table)
    return local_path(raw / source / table)


def duckdb_relation(file: Path, schema: str, table: str) -> DatasetName:
    """A table or view in a DuckDB file, a warehouse or a serving copy."""
    return DatasetName(f"duckdb://{file.absolute()}", f"{file.stem}.{schema}.{table}")


def warehouse_relation(warehouse: Warehouse, schema: str, table: str) -> DatasetName:
    """A table or view in a warehouse; of a lake by the database that holds its catalog."""
    if isinstance(warehouse, Path):
        return duckdb_relation(warehouse, schema, table)
    return DatasetName(f"ducklake://{warehouse.place}", f"{warehouse.domain}.{schema}.{table}")


def _without_user(netloc: str) -> str:
    return netloc.rpartition("@")[2]
