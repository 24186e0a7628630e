"""What a table is, how its files are read and what its border demands: validated models.

Nothing here reads a file; `source_catalog` builds these models from dbt's `_sources.yml`.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lakehouse.lake.column_types import ColumnType, parse_column_type

NAME = re.compile(r"[a-z][a-z0-9_]*")
METADATA_COLUMNS = ("_batch_id", "_extracted_at", "_source_file", "_source_line")
RESERVED_SCHEMAS = ("etl", "main", "information_schema", "pg_catalog")


class Strict(BaseModel):
    """Model that knows all of its fields and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Strict):
    """A column as the source delivers it."""

    name: str = Field(min_length=1)
    data_type: str = "varchar"
    pii: bool = False

    @field_validator("data_type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        parse_column_type(value)
        return value.strip().lower()

    @field_validator("name")
    @classmethod
    def _not_ours(cls, value: str) -> str:
        if value.lower() in METADATA_COLUMNS:
            raise ValueError(f"{value} is the name of a column that the lake adds itself")
        if value != value.strip():
            raise ValueError("begins or ends with a blank; headers are compared without them")
        return value

    @property
    def type(self) -> ColumnType:
        """The declared type, parsed."""
        return parse_column_type(self.data_type)


class CsvDialect(Strict):
    """One way in which a sender writes delimited text.

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


class TableMeta(Strict):
    """`config.meta` of a table, over the defaults of its source."""

    load: Literal["snapshot", "incremental", "append"]
    key: tuple[str, ...] = ()
    cursor: str | None = None
    pattern: str | None = None
    regex: str | None = None
    format: Literal["csv"] = "csv"
    dialects: tuple[CsvDialect, ...] = (CsvDialect(),)
    settle_seconds: float = Field(default=1.0, ge=0, le=3600)
    max_reject_share: float = Field(default=0.05, ge=0, le=1)
    min_row_share: float = Field(default=0.5, ge=0, le=1)
    owner: str | None = None
    publish: bool = False

    @field_validator("regex")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"is not a regular expression: {error}") from None
        return value

    @model_validator(mode="after")
    def _fits_its_load(self) -> "TableMeta":
        if self.load == "incremental" and not (self.key and self.cursor):
            raise ValueError("load: incremental needs key and cursor")
        if bool(self.pattern) == bool(self.regex):
            raise ValueError("give either pattern (a glob) or regex, over the whole file name")
        if not self.dialects:
            raise ValueError("dialects is empty: a csv table needs at least one")
        return self


class Table(Strict):
    """One table of a source, with the contract at its border."""

    source: str
    name: str
    connector: Literal["files"]
    block: str
    schema_name: str
    meta: TableMeta
    columns: tuple[Column, ...] = Field(min_length=1)
    file: Path

    @field_validator("schema_name")
    @classmethod
    def _free_schema(cls, value: str) -> str:
        if not NAME.fullmatch(value) or value in RESERVED_SCHEMAS:
            raise ValueError(
                "must be lower case letters, digits and _, and none of "
                + ", ".join(RESERVED_SCHEMAS)
            )
        return value

    @model_validator(mode="after")
    def _columns_fit(self) -> "Table":
        names = [column.name for column in self.columns]
        folded = [name.lower() for name in names]
        if doubled := sorted({name for name in folded if folded.count(name) > 1}):
            raise ValueError(f"field columns: {', '.join(doubled)} is declared twice")
        wanted = [*self.meta.key, *([self.meta.cursor] if self.meta.cursor else [])]
        if strange := [name for name in wanted if name not in (*names, *self.captured)]:
            raise ValueError(
                f"field config.meta.key or cursor: {', '.join(strange)} is not among the columns"
            )
        for name in self.captured:
            if name.lower() in METADATA_COLUMNS:
                raise ValueError(
                    f"field config.meta.regex: {name} is a column that the lake adds itself"
                )
            if name not in names and name.lower() in folded:
                raise ValueError(
                    f"field config.meta.regex: {name} is declared in other letters; use the same"
                )
        return self

    @property
    def full_name(self) -> str:
        """`source.table`, as messages and the ledger say it."""
        return f"{self.source}.{self.name}"

    @property
    def captured(self) -> tuple[str, ...]:
        """Columns that come from named groups of `regex`."""
        return tuple(re.compile(self.meta.regex).groupindex) if self.meta.regex else ()

    @property
    def reading_hash(self) -> str:
        """Hash of all that decides how bytes become rows: columns, types, format, dialects."""
        reading = {
            "columns": [(column.name, column.data_type) for column in self.columns],
            "format": self.meta.format,
            "dialects": [dialect.model_dump(mode="json") for dialect in self.meta.dialects],
            "regex": self.meta.regex,
        }
        return _short_hash(reading)

    @property
    def judgement_hash(self) -> str:
        """Hash of all that decides whether a file is refused: `reading_hash` and the limits."""
        return _short_hash([self.reading_hash, self.meta.max_reject_share, self.meta.min_row_share])

    @property
    def lake_columns(self) -> tuple[tuple[str, str], ...]:
        """Name and DuckDB type of each column of the raw view, without the technical ones."""
        declared = {column.name: column.type.duckdb for column in self.columns}
        return (*declared.items(), *((n, "VARCHAR") for n in self.captured if n not in declared))


def _short_hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
