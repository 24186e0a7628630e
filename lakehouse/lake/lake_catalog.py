"""The PostgreSQL with the catalog of a lake, as libpq is told of it: never with a password."""

from psycopg.conninfo import make_conninfo
from pydantic import SecretStr
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from lakehouse.errors import SettingsInvalid

_NAMES = ("postgres", "postgresql")
_CONNECTION = {
    "connect_timeout": "10",
    "application_name": "aljibe lake",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
# Options of libpq that are secrets; they would stand in ATTACH, and in what fails of it.
_SECRET_OPTIONS = ("password", "passfile", "sslpassword")


def catalog_url(catalog: SecretStr) -> URL:
    """Read `ALJIBE_LAKE_CATALOG_URL`.

    Raises:
        SettingsInvalid: it is not a URL of PostgreSQL, names no database, or has its password in
            the query.
    """
    try:
        parsed = make_url(catalog.get_secret_value())
    except (ArgumentError, ValueError):
        raise SettingsInvalid(
            "ALJIBE_LAKE_CATALOG_URL is not a database URL; quote special characters of the "
            "password."
        ) from None
    if parsed.drivername.partition("+")[0] not in _NAMES or not parsed.database:
        raise SettingsInvalid(
            f"ALJIBE_LAKE_CATALOG_URL: {parsed.drivername} with database {parsed.database!r} "
            "cannot hold the catalog of a lake; name a database of a PostgreSQL."
        )
    if hidden := [name for name in _SECRET_OPTIONS if name in parsed.query]:
        raise SettingsInvalid(
            f"ALJIBE_LAKE_CATALOG_URL: {', '.join(hidden)} cannot be an option; write the "
            "password behind the user."
        )
    return parsed


def catalog_conninfo(catalog: SecretStr) -> str:
    """The address for libpq, with the options of the URL, without its password.

    Raises:
        SettingsInvalid: see `catalog_url`.
    """
    url = catalog_url(catalog)
    options = {name: value for name, value in url.query.items() if isinstance(value, str)}
    return make_conninfo(
        "",
        **{**_CONNECTION, **options},
        host=url.host,
        port=url.port,
        user=url.username,
        dbname=url.database,
    )
