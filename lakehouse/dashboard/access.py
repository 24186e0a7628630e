"""Who may read the dashboard: one password, a signed session, and a limit for wrong guesses."""

import hashlib
import hmac
import time
from ipaddress import ip_address

from itsdangerous import BadSignature, URLSafeTimedSerializer
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from pydantic import SecretStr

SESSION_SECONDS = 12 * 3600
_SALT = b"aljibe dashboard session"
_HERE = ("127.0.0.1", "localhost", "[::1]")
# Addresses can be changed, so all of them together are limited as well.
_WRONG_FROM_ONE = parse("10 per 5 minutes")
_WRONG_FROM_ALL = parse("100 per 5 minutes")


class TooManyGuesses(Exception):
    """Wrong passwords came too often; even the right one is not looked at for a while.

    Attributes:
        seconds: after which another try makes sense.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many wrong passwords; try again in {seconds} s.")
        self.seconds = seconds


class Access:
    """Checks passwords and sessions; sessions end when the password changes."""

    def __init__(self, password: SecretStr) -> None:
        secret = password.get_secret_value().encode()
        self._expected = hashlib.sha256(secret).digest()
        # Slow on purpose: a session that leaks must not help to guess the password.
        key = hashlib.scrypt(secret, salt=_SALT, n=2**14, r=8, p=1)
        self._signer = URLSafeTimedSerializer(key, salt="session")
        self._wrong = MovingWindowRateLimiter(MemoryStorage())

    def session_for(self, guess: str, address: str) -> str | None:
        """A signed session for the right password; None for a wrong one.

        Args:
            guess: what was typed.
            address: who asks.

        Raises:
            TooManyGuesses: from this address, or from all of them.
        """
        limits = ((_WRONG_FROM_ONE, address), (_WRONG_FROM_ALL, "all"))
        for limit, key in limits:
            if not self._wrong.test(limit, key):
                wait = self._wrong.get_window_stats(limit, key).reset_time
                raise TooManyGuesses(max(1, round(wait - time.time())))
        given = hashlib.sha256(guess.encode("utf-8", "surrogatepass")).digest()
        if hmac.compare_digest(given, self._expected):
            return self._signer.dumps("reader")
        for limit, key in limits:
            self._wrong.hit(limit, key)
        return None

    def is_valid(self, session: str | None) -> bool:
        """Whether a session was signed here within its time."""
        try:
            return bool(self._signer.loads(session or "", max_age=SESSION_SECONDS) == "reader")
        except BadSignature:
            return False


def is_loopback(host: str) -> bool:
    """Whether a server on this address is reached from this machine alone."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def is_for_this_machine(host_header: str) -> bool:
    """Whether a request names this machine; a foreign name that leads here does not."""
    name, _, port = host_header.rpartition(":")
    return (name if port.isdigit() else host_header).lower() in _HERE
