"""Values of published tables as a reader of a language writes them."""

import json
import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal

from lakehouse.dashboard.figure import Unit
from lakehouse.reports.wording import Wording

NOTHING = "-"
_CURRENCIES = ("BRL", "ARS", "USD")
LONGEST_CELL = 300
# Numbers that name something are not counted, so they are not grouped.
_NAMING = re.compile(r"(?:^|_)(?:id|key|line|sequence|year|zip|prefix|number)(?:$|_)")


def written_measure(value: Any, unit: Unit, words: Wording) -> str:
    """A measure with its unit; a sign where nothing was measured."""
    if value is None:
        return NOTHING
    if unit in _CURRENCIES:
        return format_currency(value, unit, locale=words.language)
    if unit == "share":
        return words.percent(float(value))
    if unit == "percent":
        return words.percent(float(value) / 100)
    if unit == "days":
        return words.say("dashboard.days", days=_decimal(value, words, 1))
    return _decimal(value, words, 2)


def written_cell(name: str, value: Any, words: Wording) -> str:
    """A value of a column; what is no text, number or date is written as JSON."""
    match value:
        case None:
            return NOTHING
        case bool():
            text = words.say("dashboard.yes") if value else words.say("dashboard.no")
        case int():
            text = str(value) if _NAMING.search(name.lower()) else words.number(value)
        case Decimal() | float() if name.lower().endswith("_share") and math.isfinite(value):
            text = words.percent(float(value))
        case Decimal() | float():
            text = _decimal(value, words, 6)
        case datetime():
            text = format_datetime(value, "d MMM y, HH:mm", locale=words.language)
        case date():
            text = written_day(value, words)
        case bytes():
            text = words.size(len(value))
        case _:
            text = plain_text(value)
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"


def written_day(day: date, words: Wording) -> str:
    """A day such as `21 Nov 2026`."""
    return format_date(day, "d MMM y", locale=words.language)


def written_month(month: date, words: Wording) -> str:
    """A month such as `Nov 2026`."""
    return format_date(month, "MMM y", locale=words.language)


def plain_text(value: Any) -> str:
    """A value for machines: JSON for what is nested, hexadecimal for bytes, else its own text."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _decimal(value: Decimal | float, words: Wording, digits: int) -> str:
    if not math.isfinite(value):
        return str(value)
    pattern = "#,##0." + "#" * digits
    rounded = round(Decimal(str(value)), digits)
    return format_decimal(rounded or 0, format=pattern, locale=words.language)
