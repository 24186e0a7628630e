"""What goes wrong with a DuckLake, as errors of ours: worth another try, or not.

DuckDB gives no codes for what the catalog's PostgreSQL says, only its words.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from lakehouse.errors import (
    AljibeError,
    WarehouseConflict,
    WarehouseMissing,
    WarehouseRefused,
    WarehouseUnusable,
)

_CONFLICT = re.compile(r"transaction conflict|could not serialize access|deadlock detected", re.I)
_MISSING = re.compile(r"creating a new DuckLake is explicitly disabled")
_REFUSED = {
    "authentication failed": "Correct user and password of ALJIBE_LAKE_CATALOG_URL.",
    "no password supplied": "Give ALJIBE_LAKE_CATALOG_URL a password.",
    "no pg_hba.conf entry": "Let the catalog's PostgreSQL accept this host and user.",
    "does not exist": "Make the database, or correct ALJIBE_LAKE_CATALOG_URL.",
    "permission denied": "Grant the user of ALJIBE_LAKE_CATALOG_URL CREATE on the database.",
    "server does not support SSL": "Correct sslmode in ALJIBE_LAKE_CATALOG_URL.",
    "certificate verify failed": "Correct sslrootcert in ALJIBE_LAKE_CATALOG_URL.",
    "does not match existing data path": (
        "Set ALJIBE_LAKE_DATA to where the files lie, or take another database for another lake."
    ),
    "HTTP 403": "Give the AWS credentials the right to list, read, write and delete there.",
    "HTTP 404": "A bucket or a file that the catalog names is gone: bring it back, or build anew.",
    "No snapshot found at version": "`aljibe lake versions DOMAIN` shows those that there are.",
}
_CONNECTION_LOST = re.compile(
    r"unable to connect to postgres|connection to server|server closed the connection"
    r"|terminating connection|could not (?:send|receive) data|SSL (?:SYSCALL|connection)"
    r"|connection (?:refused|reset|timed out)|too many (?:clients|connections)|starting up"
    r"|shutting down|could not translate host name|HTTP (?:GET|PUT|POST|HEAD) error"
    r"|Could not establish connection|HTTP 5\d\d",
    re.I,
)


def may_pass(message: str) -> bool:
    """Whether what a statement failed of may be over at another try: a conflict, a lost server."""
    return bool(_CONFLICT.search(message)) or (
        bool(_CONNECTION_LOST.search(message)) and not any(words in message for words in _REFUSED)
    )


@contextmanager
def lake_faults(where: str) -> Iterator[None]:
    """Raise ours for what DuckDB raises of a lake; faults of SQL and data stay as they are.

    Args:
        where: the lake, without a secret.

    Raises:
        WarehouseConflict: another process changed the same table or schema first.
        WarehouseMissing: nothing was ever written to it.
        WarehouseRefused: its catalog or files are not for this user, or not these.
        WarehouseUnusable: catalog or files cannot be reached now.
    """
    try:
        yield
    except duckdb.Error as error:
        fault = _as_ours(where, str(error))
        if fault is None:
            raise
    else:
        return
    # Outside of the handler: the driver's words stay behind with its error.
    raise fault from None


def _as_ours(where: str, said: str) -> AljibeError | None:
    if _CONFLICT.search(said):
        return WarehouseConflict(
            f"{where}: {_cause(said)}. Another process wrote first; nothing of this was kept."
        )
    if _MISSING.search(said):
        return WarehouseMissing(f"{where} does not exist; run the domain once.")
    for words, advice in _REFUSED.items():
        if words in said and _is_of_server(said, words):
            return WarehouseRefused(f"{where}: {_cause(said)}. {advice}")
    if _CONNECTION_LOST.search(said):
        return WarehouseUnusable(
            f"{where} cannot be reached: {_cause(said)}. Run again when it answers."
        )
    return None


def _is_of_server(said: str, words: str) -> bool:
    # A table that does not exist is a fault of the SQL that names it.
    return (
        words not in ("does not exist", "permission denied")
        or "Unable to connect" in said
        or ("Failed to" in said and "ERROR:" in said)
    )


def _cause(said: str) -> str:
    """The last words of the server: the first ones name the address."""
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    for line in lines:
        for mark in ("FATAL:", "ERROR:", "Transaction conflict - "):
            if mark in line:
                return line.partition(mark)[2].strip().rstrip(". ")
    told = re.sub(r'.*(?:path \+ |Postgres at )"[^"]*":? ?', "", lines[0])
    return (told or lines[0]).rstrip(". ")
