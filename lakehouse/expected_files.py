"""`config.meta.expected` of a table: when its files are due, and how large they are at least."""

from datetime import UTC, date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import Field, field_validator, model_validator

from lakehouse.format_options import Strict

Calendar = Literal["day", "business_day", "week", "month"]
CALENDAR: tuple[Calendar, ...] = ("day", "business_day", "week", "month")
_ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
_MOST_FILES = 10_000
_MOST_MINUTES = 31 * 24 * 60


class ExpectedFiles(Strict):
    """What a sender promised.

    Attributes:
        every: a period of the calendar, or a cron expression whose moments are the due ones.
        by: local time on the last day of the period; not given with a cron expression.
        timezone: of `by` and of the calendar, an IANA name.
        country: ISO 3166 code; on its public holidays nothing is due. Business days need it.
        subdivision: of the country, such as SP, for its own holidays too.
        tolerance_minutes: after `by` a file is late; when these have passed too, it is missing.
        min_rows: fewer delivered rows are too few.
        min_bytes: a smaller file is too small.
        name_date: the business date in a file's name: a strftime format that is looked for in
            it, or a named group of the table's regex that holds an ISO date or YYYYMMDD. Without
            it, a file belongs to the period in which it is loaded.
        files: how many are expected in a period.
        same_content: whether content that came before counts as delivered again.
        since: first day of which anything is expected; else that of the table's first delivery.
    """

    every: str
    by: time | None = None
    timezone: str = "UTC"
    country: str | None = None
    subdivision: str | None = None
    tolerance_minutes: int = Field(default=60, ge=0, le=_MOST_MINUTES)
    min_rows: int = Field(default=0, ge=0)
    min_bytes: int = Field(default=0, ge=0)
    name_date: str | None = None
    files: int = Field(default=1, ge=1, le=_MOST_FILES)
    same_content: Literal["duplicate", "accepted"] = "duplicate"
    since: date | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)

    @property
    def is_cron(self) -> bool:
        """Whether `every` is a cron expression."""
        return self.every not in CALENDAR

    @field_validator("every")
    @classmethod
    def _is_a_period(cls, value: str) -> str:
        if value not in CALENDAR:
            try:
                CronSim(value, _ANY_MOMENT)
            except CronSimError as error:
                raise ValueError(
                    f"is none of {', '.join(CALENDAR)} and no cron expression: {error}"
                ) from None
        return value

    @field_validator("by", mode="before")
    @classmethod
    def _is_a_time(cls, value: object) -> object:
        # YAML reads 09:30 without quotes as a number of base 60.
        if value is not None and not isinstance(value, str | time):
            raise ValueError('must be a time in quotes, such as "09:30"')
        return value

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, KeyError):
            raise ValueError(f"{value} is no IANA time zone, such as America/Sao_Paulo") from None
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> "ExpectedFiles":
        if self.is_cron == (self.by is not None):
            raise ValueError(
                "by goes with day, business_day, week and month, and not with a cron expression"
            )
        if self.by is not None and self.by.tzinfo is not None:
            raise ValueError("by is a local time, without an offset; give timezone")
        if self.every == "business_day" and self.country is None:
            raise ValueError("every: business_day needs country, such as BR")
        if self.every != "business_day" and self.country is not None:
            raise ValueError("country is for every: business_day")
        if self.subdivision is not None and self.country is None:
            raise ValueError("subdivision needs country")
        if self.country is not None:
            _known_country(self.country, self.subdivision)
        return self


def holiday_days(country: str, subdivision: str | None, year: int) -> set[date]:
    """Public holidays of a country in a year.

    Raises:
        NotImplementedError: none are known of the country or of its subdivision.
    """
    # Its import costs, and most declarations have no holidays.
    from holidays import country_holidays  # noqa: PLC0415

    return set(country_holidays(country, subdiv=subdivision, years=year))


def _known_country(country: str, subdivision: str | None) -> None:
    try:
        holiday_days(country, subdivision, _ANY_MOMENT.year)
    except NotImplementedError:
        place = f"{country}, subdivision {subdivision}" if subdivision else country
        raise ValueError(
            f"no holidays are known of country {place}; give ISO codes, such as BR and SP"
        ) from None
