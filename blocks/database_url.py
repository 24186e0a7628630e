"""URLs of databases as people write them, read without ever showing them."""

from prefect_sqlalchemy import ConnectionComponents
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from lakehouse.errors import BlockInvalid

# The drivers that Aljibe installs, for URLs that name only the database.
_DRIVERS = {
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mariadb+pymysql": "mysql+pymysql",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+psycopg2": "postgresql+psycopg",
}


def parsed_url(text: str) -> URL:
    """Read a database URL.

    Raises:
        BlockInvalid: it is none; the text, which may hold a password, is not shown.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise BlockInvalid(
            "The database URL cannot be read. Write mysql+pymysql://USER:$PASSWORD@HOST:3306/name, "
            "postgresql://USER:$PASSWORD@HOST:5432/name or sqlite:////absolute/path.db, with "
            "special characters of the password percent-encoded."
        ) from None
    return with_installed_driver(url)


def with_installed_driver(url: URL) -> URL:
    """The URL with the driver that Aljibe installs, where it names another or none."""
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def connection_components(text: str) -> ConnectionComponents:
    """A URL as Prefect's components, which keep the password as a secret.

    Raises:
        BlockInvalid: see `parsed_url`.
    """
    url = parsed_url(text)
    query = {
        name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()
    }
    return ConnectionComponents(
        driver=url.drivername,
        username=url.username,
        password=url.password,
        host=url.host,
        port=url.port,
        database=url.database,
        query=query or None,
    )
