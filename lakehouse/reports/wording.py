"""The words of the reports in a language, and its numbers and dates.

Texts lie in `texts/<language>.yaml`; a language without one is English. What a report says of a
run is decided elsewhere.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from string import Formatter
from typing import Any

import yaml
from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit

LANGUAGES = ("en", "es", "pt")
_MOST_NAMES = 3
_BYTE_UNITS = ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte")


class Wording:
    """Words, numbers and dates of one language; `Wording.of` gives the shared ones.

    Attributes:
        language: one of `LANGUAGES`; the BCP 47 tag of the text.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._locale = Locale.parse(language)
        self._texts = texts_of(language)
        self._dates: dict[tuple[str, datetime], str] = {}

    @classmethod
    def of(cls, language: str | None) -> "Wording":
        """The wording for a language tag such as `es`, `es-MX` or `pt_BR`; else English."""
        base = (language or "").strip().replace("_", "-").partition("-")[0].lower()
        return _shared(base if base in LANGUAGES else "en")

    def say(self, key: str, /, **values: object) -> str:
        """A text with its values; numbers in it are written as the language does.

        Args:
            key: such as `page.look_at`.
            values: for the placeholders; `count` also chooses the plural form.

        Raises:
            KeyError: there is no such text.
        """
        said = self._texts[key]
        if not isinstance(said, str):
            count = values.get("count", 0)
            form = _plural_form(count if isinstance(count, int | float) else 0, self.language)
            said = said.get(form, said["other"])
        if not values:
            return said
        shown = {
            name: self.number(value) if isinstance(value, int | float) else value
            for name, value in values.items()
        }
        return said.format(**shown)

    def number(self, value: float, digits: int = 0) -> str:
        """A number with the language's separators, at most `digits` decimals."""
        if isinstance(value, int):
            return _grouped(value, self.language)
        return format_decimal(_without_minus_zero(round(value, digits)), locale=self._locale)

    def seconds(self, value: float) -> str:
        """Seconds as a number with one or two decimals."""
        return format_decimal(value, format="#,##0.0#", locale=self._locale)

    def percent(self, share: float, *, signed: bool = False) -> str:
        """A share as a percentage: 0.012 is `1.2 %`; with its sign if `signed`."""
        kept = _without_minus_zero(round(share, 3 if abs(share) < 1 else 2))
        said = format_percent(kept, locale=self._locale, decimal_quantization=False)
        return f"+{said}" if signed and kept > 0 else said

    def size(self, count: int) -> str:
        """Bytes in the unit that suits them, such as `1.2 MB`."""
        value, at = float(count), 0
        while value >= 1000 and at < len(_BYTE_UNITS) - 1:
            value, at = value / 1000, at + 1
        return format_unit(
            round(value, 1 if at else 0), f"digital-{_BYTE_UNITS[at]}", "short", locale=self._locale
        )

    def moment(self, at: datetime) -> str:
        """Day and time, saying that it is UTC, such as `21 Nov 2026, 06:03 UTC`."""
        return self._date("moment", at)

    def short_moment(self, at: datetime) -> str:
        """Day and time without the year and without a word on UTC, for labels."""
        return self._date("short", at)

    def weekday_moment(self, at: datetime) -> str:
        """Weekday, day and time, saying that it is UTC."""
        return self._date("weekday", at)

    def day(self, at: datetime) -> str:
        """The day in UTC, such as `21 Nov 2026`."""
        return self._date("day", at)

    def near(self, at: datetime, now: datetime) -> str:
        """The time if it is today in UTC, `yesterday`, else the day."""
        days = self.days_between(at, now)
        if days == 0:
            return self._date("time", at)
        return self.say("time.yesterday") if days == 1 else self.day(at)

    def relative_day(self, at: datetime, now: datetime) -> str:
        """`today`, `yesterday`, else the day."""
        return self.near(at, now) if self.days_between(at, now) else self.say("time.today")

    @staticmethod
    def days_between(earlier: datetime, later: datetime) -> int:
        """Days of the UTC calendar from one moment to a later one."""
        return (_utc(later).date() - _utc(earlier).date()).days

    def lasted(self, days: int) -> str:
        """A number of whole days; less than one in words."""
        return self.say("unit.day", count=days) if days else self.say("time.less_than_a_day")

    def span(self, hours: float) -> str:
        """An age: hours up to two days, then days."""
        if hours <= 48:
            return self.say("time.hours", hours=self.number(hours, 1))
        return self.say("unit.day", count=int(hours // 24))

    def names(self, names: Sequence[str], total: int | None = None, most: int = _MOST_NAMES) -> str:
        """The first names, and how many more there are.

        Args:
            names: at least those to show.
            total: how many there are, if not all are given.
            most: how many are shown.
        """
        shown = ", ".join(names[:most])
        more = (len(names) if total is None else total) - len(names[:most])
        return self.say("list.and_more", names=shown, count=more) if more > 0 else shown

    def _date(self, kind: str, at: datetime) -> str:
        moment = _utc(at)
        found = self._dates.get((kind, moment))
        if found is None:
            if len(self._dates) > 5000:
                self._dates.clear()
            found = self._dates[kind, moment] = self._format(kind, moment)
        return found

    def _format(self, kind: str, moment: datetime) -> str:
        locale = self._locale
        day = format_date(moment.date(), "d MMM y", locale=locale)
        time = format_time(moment, "HH:mm", locale=locale)
        shapes = {
            "moment": lambda: self.say("time.utc", moment=f"{day}, {time}"),
            "weekday": lambda: self.say(
                "time.utc", moment=format_datetime(moment, "EEEE d MMM y, HH:mm", locale=locale)
            ),
            "short": lambda: f"{day}, {time}",
            "time": lambda: time,
            "day": lambda: day,
        }
        return shapes[kind]()


Text = str | Mapping[str, str]


@lru_cache
def texts_of(language: str) -> dict[str, Text]:
    """Every text of a language by its dotted key; a mapping holds plural forms."""
    file = resources.files("lakehouse.reports") / "texts" / f"{language}.yaml"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    read = yaml.load(file.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - it is safe
    return dict(_flat("", read))


def placeholders(text: Text) -> frozenset[str]:
    """Names of the values that a text needs, over all its forms."""
    forms = [text] if isinstance(text, str) else list(text.values())
    return frozenset(name for form in forms for _, name, _, _ in Formatter().parse(form) if name)


def _flat(prefix: str, node: Mapping[str, Any]) -> list[tuple[str, Text]]:
    found: list[tuple[str, Text]] = []
    for name, value in node.items():
        key = f"{prefix}{name}"
        if isinstance(value, str):
            found.append((key, value))
        elif "other" in value:
            found.append((key, {form: str(text) for form, text in value.items()}))
        else:
            found += _flat(f"{key}.", value)
    return found


@lru_cache
def _shared(language: str) -> Wording:
    return Wording(language)


@lru_cache(maxsize=4096)
def _plural_form(count: float, language: str) -> str:
    return str(Locale.parse(language).plural_form(count))


@lru_cache(maxsize=4096)
def _grouped(value: int, language: str) -> str:
    return format_decimal(value, locale=language)


def _without_minus_zero(value: float) -> float:
    return value or 0.0


def _utc(moment: datetime) -> datetime:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC)
