"""Connections to the PostgreSQL that readers query, and words for what goes wrong with it."""

from pydantic import SecretStr
from sqlalchemy import URL, Engine, NullPool, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from lakehouse.errors import SettingsInvalid

_NAMES = ("postgres", "postgresql")
_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


def serving_engine(
    url: SecretStr, *, name: str, statement_seconds: float, pool_size: int | None = None
) -> Engine:
    """Make an engine for `ALJIBE_SERVING_URL`; nothing is asked of the server yet.

    Args:
        url: SQLAlchemy URL; `postgres://` and `postgresql://` of other tools will do.
        name: application name that the server shows.
        statement_seconds: a statement that takes longer is cancelled by the server.
        pool_size: connections kept and at most open; None opens one for each use.

    Raises:
        SettingsInvalid: it is not a URL of PostgreSQL.
    """
    options: dict[str, object] = {"poolclass": NullPool}
    if pool_size:
        options = {"pool_size": pool_size, "max_overflow": 0, "pool_pre_ping": True}
    return create_engine(
        _postgresql(url),
        connect_args={
            "connect_timeout": 10,
            "application_name": name,
            "options": f"-c statement_timeout={int(statement_seconds * 1000)}",
            **_KEEPALIVE,
        },
        **options,
    )


def cause_of(error: DBAPIError) -> str:
    """What the server or its client says, in one line; neither quotes a password."""
    lines = str(error.orig).strip().splitlines() if error.orig else []
    return lines[0].rstrip(". ") if lines else "no answer"


def shown(engine: Engine) -> str:
    """The address without its password."""
    return engine.url.render_as_string(hide_password=True)


def _postgresql(url: SecretStr) -> URL:
    try:
        parsed = make_url(url.get_secret_value())
    except (ArgumentError, ValueError):
        raise SettingsInvalid(
            "ALJIBE_SERVING_URL is not a database URL; quote special characters of the password."
        ) from None
    if parsed.drivername.partition("+")[0] not in _NAMES:
        raise SettingsInvalid(
            f"ALJIBE_SERVING_URL: {parsed.drivername} is not supported; use postgresql."
        )
    return parsed.set(drivername="postgresql+psycopg")
