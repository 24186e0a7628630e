"""How a file of each format is to be read: the part of a contract that only formats know."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

FileFormat = Literal["csv", "fixed_width", "json", "ndjson", "xml", "xlsx", "parquet"]


class Strict(BaseModel):
    """Model that knows all of its fields and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CsvDialect(Strict):
    """One way in which a sender writes text; all but `csv` use of it how values are written.

    Attributes:
        encoding: encodings to try, in this order; a byte order mark overrides them.
        thousands: digit group separator, or None where numbers carry none.
        date_format: strptime format of `date` columns.
        timestamp_format: strptime format of `timestamp` columns.
    """

    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', min_length=1, max_length=1)
    encoding: tuple[str, ...] = ("utf-8",)
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'"] | None = None
    date_format: str = "%Y-%m-%d"
    timestamp_format: str = "%Y-%m-%d %H:%M:%S"

    @field_validator("encoding", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("is empty: name at least one encoding")
        for name in value:
            try:
                "".encode(name)
            except LookupError as error:
                raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _separators_differ(self) -> "CsvDialect":
        if self.thousands == self.decimal:
            raise ValueError("decimal and thousands cannot be the same character")
        if self.delimiter == self.quote:
            raise ValueError("delimiter and quote cannot be the same character")
        if "\n" in (self.delimiter, self.quote) or "\r" in (self.delimiter, self.quote):
            raise ValueError("a line end cannot be delimiter or quote")
        return self


class FileOptions(Strict):
    """Where the records of a file are, by format.

    Attributes:
        member: glob over the whole member name (`folder/name.csv`) of a `.zip`; several that
            match make one delivery.
        records: json: path of the array of records, such as `$.data.items`; default the document
            itself, an array or one record.
        record_path: xml: path of the record elements from the root, such as `/catalogo/producto`.
        sheet: xlsx: name of the sheet; default the only one.
        header_row: xlsx: row of the column names, from 1. fixed_width: lines before the records.
    """

    member: str = "*"
    records: str = "$"
    record_path: str | None = None
    sheet: str | None = None
    header_row: int | None = Field(default=None, ge=0, le=1000)
