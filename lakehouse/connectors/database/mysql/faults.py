"""Errors of MySQL and MariaDB as ours: worth another try, or not, and never with a secret.

Codes are those of the servers' reference of errors, and of the client (2000 and up).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pymysql.err import Error as DriverError
from sqlalchemy.exc import DBAPIError

from lakehouse.errors import AljibeError, DatabaseRefused, DatabaseUnavailable

# Connections: none free, refused, lost, killed, timed out; locks; shutdown; DDL in a snapshot.
_TRANSIENT = {
    *(1040, 1043, 1053, 1077, 1152, 1153, 1154, 1155, 1156, 1157, 1158, 1159, 1160, 1161),
    *(1184, 1203, 1205, 1206, 1213, 1226, 1317, 1412, 1927, 1969, 3024, 3058, 3168, 4031),
    *(2002, 2003, 2004, 2006, 2013, 2014, 2020, 2027, 2055),
    # The server is out of disk, memory or files.
    *(1016, 1021, 1023, 1037, 1038, 1041, 1135),
}
_ADVICE = {
    1044: "Grant this user the right to read the database.",
    1045: "Correct user and password of the block.",
    1698: "Correct user and password of the block.",
    1049: "Correct the database of the block.",
    1130: "Let the server accept this user from this machine.",
    1142: "Grant this user SELECT on the table.",
    1143: "Grant this user SELECT on the column.",
}
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"


@contextmanager
def mysql_faults() -> Iterator[None]:
    """Raise `DatabaseRefused` or `DatabaseUnavailable` for what driver and socket raise."""
    try:
        yield
    except (DBAPIError, DriverError, OSError, RuntimeError) as error:
        if isinstance(error, AljibeError):
            raise
        fault = _as_ours(error.orig if isinstance(error, DBAPIError) else error)
    else:
        return
    # Outside of the handler: the driver's error, whose traceback has the connection, stays behind.
    raise fault from None


def _as_ours(error: BaseException | None) -> AljibeError:
    if error and _UNTRUSTED in str(error):
        # The driver tells it as any failure to connect.
        return DatabaseRefused(
            "The database's certificate is not to be trusted. Name the CA that signed it in the "
            "block's URL (ssl_ca=/path/to/ca.pem), or correct the host to the certificate's name."
        )
    if isinstance(error, OSError):
        said = error.strerror or str(error) or type(error).__name__
        return DatabaseUnavailable(f"The connection to the database broke off ({said}).")
    code = error.args[0] if error and error.args and isinstance(error.args[0], int) else 0
    if isinstance(error, DriverError) and not code:
        return DatabaseUnavailable(f"The connection to the database broke off ({error}).")
    said = str(error.args[1]) if error and len(error.args) > 1 else str(error)
    if code in _TRANSIENT:
        return DatabaseUnavailable(f"The database cannot be read now: {said} ({code}).")
    advice = _ADVICE.get(code, "")
    return DatabaseRefused(f"The database refused: {said} ({code}). {advice}".rstrip())
