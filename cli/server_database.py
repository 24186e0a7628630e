"""PostgreSQL of a Prefect server: its URL as platforms give it, and the wait for it."""

from collections.abc import Callable, Mapping

import psycopg
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from lakehouse.connectors.database.postgresql.faults import postgresql_faults
from lakehouse.errors import DatabaseRefused, DatabaseUnavailable, SettingsInvalid

PREFECT_VARIABLE = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
_DRIVER = "postgresql+asyncpg"
_SCHEMES = ("postgres://", "postgresql")
_SAY_EVERY = 30


def server_database_url(environment: Mapping[str, str]) -> URL:
    """URL for Prefect's server, from whatever the platform sets.

    The first of `PREFECT_SERVER_DATABASE_CONNECTION_URL`, `DATABASE_URL` and `PGHOST` with
    `PGPORT`, `PGUSER`, `PGPASSWORD` and `PGDATABASE` counts. Prefect needs the driver asyncpg,
    which has another word for `sslmode`.

    Raises:
        SettingsInvalid: none of them is set, or it is no URL of PostgreSQL.
    """
    for name in (PREFECT_VARIABLE, "DATABASE_URL"):
        if text := environment.get(name, "").strip():
            return _as_asyncpg(name, text)
    if host := environment.get("PGHOST", "").strip():
        port = environment.get("PGPORT", "").strip() or "5432"
        if not port.isdecimal():
            raise SettingsInvalid("PGPORT is no port.")
        return URL.create(
            _DRIVER,
            username=environment.get("PGUSER") or None,
            password=environment.get("PGPASSWORD") or None,
            host=host,
            port=int(port),
            database=environment.get("PGDATABASE") or environment.get("PGUSER") or None,
        )
    raise SettingsInvalid(
        "The Prefect server needs a PostgreSQL database. Set DATABASE_URL, or PGHOST, PGPORT, "
        "PGUSER, PGPASSWORD and PGDATABASE. For a server on SQLite, on this machine alone, there "
        "is `aljibe ui`."
    )


def _as_asyncpg(name: str, text: str) -> URL:
    if not text.startswith(_SCHEMES):
        raise SettingsInvalid(
            f"{name} is no URL of PostgreSQL, such as postgresql://USER:$PASSWORD@HOST:5432/prefect."
        )
    try:
        # SQLAlchemy does not know the scheme that some platforms write.
        url = make_url(text.replace("postgres://", "postgresql://", 1))
    except (ArgumentError, ValueError):
        raise SettingsInvalid(
            f"{name} cannot be read; write special characters of the password with percent signs."
        ) from None
    query = dict(url.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    return url.set(drivername=_DRIVER, query=query)


def wait_for_database(url: URL, longest_seconds: float, say: Callable[[str], None]) -> None:
    """Return when the database lets this user in.

    Args:
        url: of the database.
        longest_seconds: after which it gives up.
        say: told what is waited for.

    Raises:
        DatabaseRefused: it answers, but not to this user, or has no such database.
        DatabaseUnavailable: it did not answer in time.
    """
    place = f"{url.host}:{url.port or 5432}/{url.database}"

    def _tell(state: RetryCallState) -> None:
        if state.attempt_number % _SAY_EVERY == 1:
            say(f"waiting for PostgreSQL at {place}: {_first_words(state)}")

    try:
        for attempt in Retrying(
            retry=retry_if_exception_type(DatabaseUnavailable),
            wait=wait_fixed(1),
            stop=stop_after_delay(longest_seconds),
            before_sleep=_tell,
            reraise=True,
        ):
            with attempt, postgresql_faults():
                psycopg.connect(_plain(url), connect_timeout=5).close()
    except DatabaseRefused as error:
        raise DatabaseRefused(
            f"PostgreSQL at {place}: {_words(error)} Correct user, password and database."
        ) from None
    except DatabaseUnavailable as error:
        raise DatabaseUnavailable(
            f"PostgreSQL at {place} did not let the server in for {longest_seconds:.0f} s: "
            f"{_words(error)} Raise ALJIBE_API_WAIT_SECONDS if it takes longer to start."
        ) from None


def _plain(url: URL) -> str:
    query = dict(url.query)
    if "ssl" in query:
        query["sslmode"] = query.pop("ssl")
    return url.set(drivername="postgresql", query=query).render_as_string(hide_password=False)


def _first_words(state: RetryCallState) -> str:
    error = state.outcome.exception() if state.outcome else None
    return _words(error) if error else ""


def _words(error: BaseException) -> str:
    """What the driver said, without the advice for those who read a source."""
    return str(error).partition(" Correct user")[0]
