"""Dates and times as text, some seconds earlier and in the same form."""

import re
from datetime import date, datetime, timedelta

from lakehouse.errors import CatalogInvalid

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def moment_before(text: str, seconds: float, column: str) -> str:
    """Take seconds away from a text in the order of ISO 8601; a date goes back by whole days.

    Args:
        text: such as `2024-01-31`, `2024-01-31 23:59:59.5` or `2024-01-31T23:59:59Z`.
        seconds: to take away.
        column: whose value it is, for messages.

    Returns:
        Text in the same form that comes before the exact moment, or is it, in the order of text.

    Raises:
        CatalogInvalid: it is no date or time.
    """
    try:
        if _DAY.fullmatch(text):
            return str(date.fromisoformat(text) - timedelta(days=-(-seconds // 86_400)))
        moment = datetime.fromisoformat(text) - timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        raise CatalogInvalid(
            f"Column {column} is text that is no date or time, of which no seconds can be taken "
            "away: set overlap: 0."
        ) from None
    separator = text[10]
    has_seconds = text[16:17] == ":"
    shown = moment.isoformat(separator, timespec="seconds" if has_seconds else "minutes")
    # A text without a fraction comes before the same one with it.
    return f"{shown.removesuffix('+00:00')}Z" if text.endswith("Z") else shown
