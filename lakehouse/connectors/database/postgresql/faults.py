"""Errors of PostgreSQL as ours: worth another try, or not, and never with a secret.

Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError

from lakehouse.errors import AljibeError, DatabaseRefused, DatabaseUnavailable

# Connections; rollbacks and locks; resources; operator; system; idle and snapshot time-outs.
_TRANSIENT = ("08", "40", "53", "55P03", "55006", "57", "58", "25P03", "25P02", "72")
_ADVICE = {
    "28": "Correct user and password of the block.",
    "3D": "Correct the database of the block.",
    "42501": "Grant this user USAGE on the schema and SELECT on the table.",
}
# Before a session exists the driver gives no code, only the server's words.
_REFUSED = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "permission denied for database",
    "is not permitted to log in",
    "not currently accepting connections",
    "server does not support SSL",
    "certificate verify failed",
    "root certificate file",
)


@contextmanager
def postgresql_faults() -> Iterator[None]:
    """Raise `DatabaseRefused` or `DatabaseUnavailable` for what the driver raises."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        fault = _as_ours(error.orig if isinstance(error, DBAPIError) else error)
    else:
        return
    # Outside of the handler: the driver's error, whose traceback has the connection, stays behind.
    raise fault from None


def may_pass(error: BaseException | None) -> bool:
    """Whether what the driver raised may be over at another try."""
    code = getattr(error, "sqlstate", None) or ""
    if code:
        return bool(code.startswith(_TRANSIENT))
    whole = str(error)
    return "starting up" in whole or not any(words in whole for words in _REFUSED)


def _as_ours(error: BaseException | None) -> AljibeError:
    code = getattr(error, "sqlstate", None) or ""
    said = words_of(error)
    if not code:
        if not may_pass(error):
            return DatabaseRefused(
                f"The database refused: {said}. Correct user, password and name in the block."
            )
        return DatabaseUnavailable(f"The database does not answer, or went away: {said}.")
    if may_pass(error):
        return DatabaseUnavailable(f"The database cannot be read now: {said} ({code}).")
    advice = next((text for start, text in _ADVICE.items() if code.startswith(start)), "")
    # What is wrong with a value may show the value.
    shown = "a value cannot be read" if code.startswith("22") else said
    return DatabaseRefused(f"The database refused: {shown} ({code}). {advice}".rstrip())


def words_of(error: BaseException | None) -> str:
    """The server's first line, without a detail that may quote a row."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    lines = str(primary or error).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__
