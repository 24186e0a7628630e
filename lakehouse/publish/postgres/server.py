"""Sessions on the serving database, and its faults in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from sqlalchemy import URL

from lakehouse.connectors.database.postgresql.faults import may_pass, words_of
from lakehouse.errors import AljibeError, ServingRefused, ServingUnavailable

Session = psycopg.Connection[tuple[Any, ...]]

# A publication may wait for readers; whoever vanishes without a word is noticed by the kernel.
_SETTINGS = {
    "application_name": "aljibe publish",
    "client_encoding": "UTF8",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "search_path": "",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "default_transaction_isolation": "read committed",
    "row_security": "off",
    "default_transaction_read_only": "off",
    "bytea_output": "hex",
    # Compiling the one query that compares a table takes longer than it saves.
    "jit": "off",
    "client_min_messages": "warning",
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "6",
}
# Of newer servers, which a role may have; they would end a long publication.
_NEWER: LiteralString = """
    select set_config(name, '0', false) from pg_catalog.pg_settings
    where name in ('transaction_timeout', 'idle_session_timeout')"""
_KERNEL = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 60,
    "keepalives_interval": 10,
    "keepalives_count": 6,
    "tcp_user_timeout": 120_000,
}
_ADVICE = {
    "28": "Correct user and password of ALJIBE_SERVING_URL, or of the block serving-postgres.",
    "3D": "Create the database, or correct its name in ALJIBE_SERVING_URL.",
    "42501": "As an administrator: GRANT CREATE ON DATABASE ... TO this user, and make it the "
    "owner of what it publishes, or a member of the role that is.",
    "25006": "It is a standby or read-only: ALJIBE_SERVING_URL has to name the primary.",
    "2BP01": "Drop what depends on it, or move it to another table.",
}
_CONNECTING = (
    "Correct user, password, database and TLS of ALJIBE_SERVING_URL, or of the block "
    "serving-postgres."
)


@contextmanager
def serving_faults(doing: str) -> Iterator[None]:
    """Raise `ServingRefused` or `ServingUnavailable` for what the driver raises.

    Args:
        doing: what was going on, such as `olist_marts.fct_orders cannot be loaded`.
    """
    try:
        yield
    except psycopg.Error as error:
        fault = _as_ours(doing, error)
    else:
        return
    # Outside of the handler: the driver's error, whose traceback has the session, stays behind.
    raise fault from None


def _as_ours(doing: str, error: psycopg.Error) -> AljibeError:
    code = error.sqlstate or ""
    shown = f"{words_of(error)}{f' ({code})' if code else ''}"
    if may_pass(error):
        return ServingUnavailable(f"PostgreSQL: {doing}: {shown}. Nothing was published.")
    advice = next((text for start, text in _ADVICE.items() if code.startswith(start)), "")
    if not code:
        advice = _CONNECTING
    # What is wrong with a value may show the value.
    if code.startswith(("22", "23")):
        shown = f"a value or row does not fit ({code})"
    return ServingRefused(f"PostgreSQL: {doing}: {shown}. Nothing was published. {advice}".rstrip())


@contextmanager
def serving_session(url: URL) -> Iterator[Session]:
    """One session in one transaction, which is rolled back unless it is committed.

    Args:
        url: of a PostgreSQL database, with a user that may create schemas in it.

    Raises:
        ServingRefused: it answers, but not to this user, password or name; or keeps no UTF-8.
        ServingUnavailable: it does not answer.
    """
    # Not as a URL: what libpq says of one that it cannot read may quote the password.
    given = {**url.translate_connect_args(username="user", database="dbname"), **url.query}
    with serving_faults(f"{without_password(url)} cannot be opened"):
        session = psycopg.connect(**{**_KERNEL, **given})
    try:
        with serving_faults(f"{without_password(url)} cannot be used"):
            for name, value in _SETTINGS.items():
                session.execute("select set_config(%s, %s, false)", [name, value])
            session.execute(_NEWER)
            encoding = one_value(session, "select current_setting('server_encoding')")
            session.commit()
        if encoding != "UTF8":
            raise ServingRefused(
                f"PostgreSQL: {without_password(url)} keeps text as {encoding}, which cannot hold "
                "every character. Create the database with ENCODING 'UTF8'."
            )
        yield session
    finally:
        # Without a commit the server rolls back, also where this process is killed.
        session.close()


def without_password(url: URL) -> str:
    """The URL as it may be shown."""
    return url.set(query={}).render_as_string(hide_password=True)


def one_value(session: Session, query: LiteralString, *values: object) -> Any:
    """First value of the first row; None if there is none."""
    row = session.execute(query, values).fetchone()
    return row[0] if row else None


def run(session: Session, statement: LiteralString | sql.Composable) -> None:
    """Run a statement that is sent as it is written."""
    session.execute(statement if isinstance(statement, str) else statement.as_bytes(session))
