"""How long to wait before the next try: what the server asks for, or growing pauses."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, wait_exponential_jitter

from lakehouse.errors import ApiUnavailable

TRIES = 5
LONGEST_ASKED_WAIT = 120.0

_backoff = wait_exponential_jitter(multiplier=0.5, max=30, jitter=1)


def asked_wait(header: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks for, as number or HTTP date (RFC 9110, 10.2.3).

    Args:
        header: as answered.
        now: moment in UTC.

    Returns:
        0 to 120 s: a server may not make a run wait for hours; None where it asks for nothing
        that makes sense.
    """
    if header is None:
        return None
    seconds = _seconds(header.strip(), now)
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, LONGEST_ASKED_WAIT)


def wait_before(state: RetryCallState) -> float:
    """Seconds before the next try: growing, with jitter, and never less than was asked for."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.asked_wait if isinstance(error, ApiUnavailable) else None
    return max(_backoff(state), asked or 0.0)


def _seconds(text: str, now: datetime) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - now).total_seconds(), 0.0)
