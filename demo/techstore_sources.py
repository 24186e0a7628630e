"""The systems that techstore reads, as the demo stands in for them."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from demo.http_server import http_server
from demo.sftp_server import sftp_server
from demo.techstore_database import write_database
from demo.techstore_deliveries import write_deliveries
from demo.techstore_feeds import write_answers
from demo.techstore_shop import Shop


def write_sources(shop: Shop, folder: Path) -> list[Path]:
    """Write database, files and answers below `folder`; what is there already is left alone.

    Returns:
        The files: `techstore.db`, `sftp/upload/*`, `http/v1/...`.
    """
    return [
        write_database(shop, folder / "techstore.db"),
        *write_deliveries(shop, folder / "sftp" / "upload"),
        *write_answers(shop, folder / "http"),
    ]


@contextmanager
def running_sources(folder: Path) -> Iterator[Mapping[str, str]]:
    """Serve what `write_sources` wrote, and set the TECHSTORE_* variables meanwhile.

    Yields:
        The variables.
    """
    with sftp_server(folder / "sftp") as sftp, http_server(folder / "http") as url:
        variables = {
            "TECHSTORE_DATABASE_URL": f"sqlite:///{(folder / 'techstore.db').resolve()}",
            "TECHSTORE_SFTP_HOST": sftp.host,
            "TECHSTORE_SFTP_PORT": str(sftp.port),
            "TECHSTORE_SFTP_USER": sftp.user,
            "TECHSTORE_SFTP_PASSWORD": sftp.password,
            "TECHSTORE_SFTP_PRIVATE_KEY": "",
            "TECHSTORE_SFTP_HOST_KEY": sftp.host_key,
            "TECHSTORE_SFTP_PATH": "/upload",
            "TECHSTORE_DOLAR_URL": url,
            "TECHSTORE_FERIADOS_URL": url,
        }
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield variables
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
