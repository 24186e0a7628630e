"""What a table of a database or of an HTTP API says about how it is asked for."""

import datetime
from typing import Literal

from pydantic import Field, field_validator, model_validator

from lakehouse.format_options import Strict

_NEVER_AN_END = (401, 403, 407, 408, 425, 429)


class DatabaseOptions(Strict):
    """How a table of a database is read.

    Attributes:
        relation: name on the server, `table` or `schema.table`; default the table's own name.
        overlap: incremental: how far before the last cursor a load begins again, in the cursor's
            unit (seconds for dates and times); 0 still reads the last value itself again. Default
            300 for dates and times, as rows are committed later than they are stamped; else 0.
        invalid_dates: `null`: a zero or impossible date becomes NULL and a finding; `fail`: the
            delivery is refused.
        range_column: column whose ranges are read over several connections; default a single
            integer primary key.
        connections: connections for one table, where the server can share one snapshot.
    """

    relation: str | None = None
    overlap: float | None = Field(default=None, ge=0)
    invalid_dates: Literal["null", "fail"] = "null"
    range_column: str | None = None
    connections: int = Field(default=1, ge=1, le=16)

    @field_validator("invalid_dates", mode="before")
    @classmethod
    def _bare_null(cls, value: object) -> object:
        # Without quotes YAML reads the word as no value at all.
        return "null" if value is None else value


class YearRange(Strict):
    """Years to ask for, both included; `last` missing means the current one."""

    first: int = Field(ge=1900, le=2200)
    last: int | None = Field(default=None, ge=1900, le=2200)

    def values(self, today: datetime.date) -> list[str]:
        """The years as text."""
        return [str(year) for year in range(self.first, (self.last or today.year) + 1)]


class Paging(Strict):
    """How an API hands out many records.

    Attributes:
        style: `page`: a counted page; `cursor`: the answer names the next; `link`: the header
            Link (RFC 8288) with rel="next", or a URL in the answer.
        parameter: query parameter of page number or cursor.
        first: number of the first page.
        size_parameter: query parameter of the page's size.
        size: records a page.
        next: JSON path of the next cursor or URL in the answer.
        end_status: style page: status that a page after the last one is answered with, such as
            404, for APIs that do not answer it with an empty list.
        max_pages: more is a permanent error: an API that never ends.
    """

    style: Literal["page", "cursor", "link"]
    parameter: str | None = None
    first: int = 1
    size_parameter: str | None = None
    size: int | None = Field(default=None, ge=1)
    next: str | None = None
    end_status: int | None = Field(default=None, ge=400, le=499)
    max_pages: int = Field(default=10_000, ge=1)

    @model_validator(mode="after")
    def _complete(self) -> "Paging":
        if self.style in ("page", "cursor") and not self.parameter:
            raise ValueError(f"style {self.style} needs parameter")
        if self.style == "cursor" and not self.next:
            raise ValueError("style cursor needs next, the JSON path of the next cursor")
        if self.end_status and self.style != "page":
            raise ValueError(f"end_status is for style page; style {self.style} knows its end")
        if self.end_status in _NEVER_AN_END:
            raise ValueError(
                f"end_status {self.end_status} says that the API does not want to answer now, so "
                "records would be missing; an end is 400, 404, 410, 416 or 422"
            )
        return self


class ApiOptions(Strict):
    """How a table of an HTTP API is asked for; `records` of the format says where records are.

    Attributes:
        path: below the block's base URL; `{name}` is filled from `each`.
        params: query parameters.
        each: name and values; one request (with its pages) for each, and a text column of that
            name where the contract declares one.
        optional: a final failure is a warning of the run, and the table keeps its last load.
    """

    path: str
    params: dict[str, str] = Field(default_factory=dict)
    each: dict[str, tuple[str, ...] | YearRange] = Field(default_factory=dict)
    paging: Paging | None = None
    optional: bool = False

    @field_validator("each")
    @classmethod
    def _one_name(
        cls, value: dict[str, tuple[str, ...] | YearRange]
    ) -> dict[str, tuple[str, ...] | YearRange]:
        if len(value) > 1:
            raise ValueError("names more than one; a second table can take the other")
        return value
