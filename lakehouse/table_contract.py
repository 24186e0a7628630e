"""What a table is, where it comes from and what its border demands: validated models.

Nothing here reads a file; `source_catalog` builds these models from dbt's `_sources.yml`.
"""

import hashlib
import json
import re
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from lakehouse.format_options import Strict
from lakehouse.formats.nested_structure import holds_nested_map
from lakehouse.lake.column_types import ColumnType, parse_column_type
from lakehouse.table_meta import Connector, TableMeta, faults_for

NAME = re.compile(r"[a-z][a-z0-9_]*")
METADATA_COLUMNS = ("_batch_id", "_extracted_at", "_source_file", "_source_line")
RESERVED_SCHEMAS = ("etl", "main", "information_schema", "pg_catalog")


class Column(Strict):
    """A column as the source delivers it.

    Attributes:
        start: fixed_width: first character, from 1.
        length: fixed_width: characters.
        path: xml and json: where the value is in its record, if not under the column's name,
            such as `@id`, `precio/lista` or `$.cliente.id`.
    """

    name: str = Field(min_length=1)
    data_type: str = "varchar"
    pii: bool = False
    start: int | None = Field(default=None, ge=1)
    length: int | None = Field(default=None, ge=1)
    path: str | None = None

    @field_validator("data_type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        kind = parse_column_type(value).kind
        return value.strip() if kind == "nested" else value.strip().lower()

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


class Table(Strict):
    """One table of a source, with the contract at its border."""

    source: str
    name: str
    connector: Connector
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
    def _meta_fits(self) -> "Table":
        if faults := faults_for(self.meta, self.connector):
            raise ValueError(f"field config.meta: {'; '.join(faults)}")
        if self.meta.format == "fixed_width" and self.connector in ("files", "sftp"):
            bare = [c.name for c in self.columns if not (c.start and c.length)]
            if bare := [name for name in bare if name not in self.captured]:
                raise ValueError(
                    f"field columns: {', '.join(bare)} needs config.meta start and length, as "
                    "every column of format fixed_width"
                )
        return self

    @model_validator(mode="after")
    def _maps_can_be_read(self) -> "Table":
        if self.meta.format == "parquet":
            return self
        nested = [column for column in self.columns if column.type.kind == "nested"]
        if found := [column.name for column in nested if holds_nested_map(column.type.duckdb)]:
            raise ValueError(
                f"field columns: {', '.join(found)} declares a map of lists, structs or maps, "
                "which only a Parquet file brings. Declare json."
            )
        return self

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
        """Columns that come from named groups of `regex`, or from `each` of an API."""
        if self.meta.regex:
            return tuple(re.compile(self.meta.regex).groupindex)
        return tuple(self.meta.api.each) if self.meta.api else ()

    @property
    def reading_hash(self) -> str:
        """Hash of all that decides how bytes become rows: columns, types, format, dialects."""
        reading: dict[str, object] = {
            "columns": [(column.name, column.data_type) for column in self.columns],
            "format": self.meta.format,
            "dialects": [dialect.model_dump(mode="json") for dialect in self.meta.dialects],
            "regex": self.meta.regex,
        }
        # Left out where nothing is said, so that a lake keeps its batches over an upgrade.
        places = [(c.name, c.start, c.length, c.path) for c in self.columns if c.start or c.path]
        if places:
            reading["places"] = places
        if options := self.meta.file.model_dump(exclude_defaults=True):
            reading["file"] = options
        if self.meta.database:
            reading["invalid_dates"] = self.meta.database.invalid_dates
        if self.meta.load == "incremental" and (self.meta.database or self.meta.api):
            # A value of another column, or of another relation, says nothing of this one.
            asked = self.meta.database.relation if self.meta.database else None
            asked = self.meta.api.path if self.meta.api else asked
            reading["cursor"] = [self.meta.cursor, asked]
            if self.meta.api and (self.meta.api.each or self.meta.api.params):
                reading["asked"] = self.meta.api.model_dump(mode="json", include={"each", "params"})
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
