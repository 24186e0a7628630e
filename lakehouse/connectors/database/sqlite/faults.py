"""Errors of SQLite as ours: worth another try, or not.

Codes: https://www.sqlite.org/rescode.html; the low byte is the primary one.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from lakehouse.errors import AljibeError, DatabaseRefused, DatabaseUnavailable

_TRANSIENT = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_SCHEMA,
}
_ADVICE = {
    sqlite3.SQLITE_CANTOPEN: "Check that the file exists and that this user may read it.",
    sqlite3.SQLITE_NOTADB: "The file is no SQLite database, or it is encrypted.",
    sqlite3.SQLITE_CORRUPT: "The file is damaged: restore it, or run PRAGMA integrity_check.",
    sqlite3.SQLITE_READONLY: (
        "Its last writer died; open the file once for writing so that SQLite can repair it."
    ),
}


@contextmanager
def sqlite_faults() -> Iterator[None]:
    """Raise `DatabaseRefused` or `DatabaseUnavailable` for what the driver raises."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        fault = _as_ours(error.orig if isinstance(error, DBAPIError) else error)
    else:
        return
    raise fault from None


def _as_ours(error: BaseException | None) -> AljibeError:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in _TRANSIENT:
        return DatabaseUnavailable(f"The SQLite file cannot be read now: {error}.")
    advice = _ADVICE.get(code, "")
    return DatabaseRefused(f"SQLite refused: {error}. {advice}".rstrip())
