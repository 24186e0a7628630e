"""What a domain reads: dbt's own `_sources.yml` files as validated models.

Everything that needs to know a source (extraction, landing contract, raw views, owners) asks
here. The format is dbt's; `config.meta` of a source and of its tables carries what dbt leaves
open. Values of the source's meta serve its tables as defaults.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lakehouse.errors import CatalogInvalid, DomainUnknown
from lakehouse.lake.column_types import ColumnType, parse_column_type

NAME = re.compile(r"[a-z][a-z0-9_]*")
METADATA_COLUMNS = ("_batch_id", "_extracted_at", "_source_file", "_source_line")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """A column as the source delivers it."""

    name: str
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
        return value

    @property
    def type(self) -> ColumnType:
        """The declared type, parsed."""
        return parse_column_type(self.data_type)


class CsvDialect(_Strict):
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
        for name in value:
            "".encode(name)
        return value

    @model_validator(mode="after")
    def _separators_differ(self) -> "CsvDialect":
        if self.thousands == self.decimal:
            raise ValueError("decimal and thousands cannot be the same character")
        return self


class TableMeta(_Strict):
    """`config.meta` of a table, over the defaults of its source."""

    load: Literal["snapshot", "incremental", "append"]
    key: tuple[str, ...] = ()
    cursor: str | None = None
    pattern: str | None = None
    regex: str | None = None
    format: Literal["csv"] = "csv"
    dialects: tuple[CsvDialect, ...] = (CsvDialect(),)
    settle_seconds: float = Field(default=1.0, ge=0)
    max_reject_share: float = Field(default=0.05, ge=0, le=1)
    min_row_share: float = Field(default=0.5, ge=0, le=1)
    owner: str | None = None

    @model_validator(mode="after")
    def _fits_its_load(self) -> "TableMeta":
        if self.load == "incremental" and not (self.key and self.cursor):
            raise ValueError("load: incremental needs key and cursor")
        if bool(self.pattern) == bool(self.regex):
            raise ValueError("give either pattern (a glob) or regex, over the whole file name")
        if self.regex:
            re.compile(self.regex)
        if not self.dialects:
            raise ValueError("dialects is empty: a csv table needs at least one")
        return self


class Table(_Strict):
    """One table of a source, with the contract at its border."""

    source: str
    name: str
    connector: Literal["files"]
    block: str
    schema_name: str
    meta: TableMeta
    columns: tuple[Column, ...] = Field(min_length=1)
    file: Path

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
        return hashlib.sha256(json.dumps(reading, sort_keys=True).encode()).hexdigest()[:16]


class Catalog(_Strict):
    """The sources of one domain."""

    domain: str
    tables: tuple[Table, ...]

    def table(self, source: str, name: str) -> Table:
        """Find a table.

        Raises:
            CatalogInvalid: naming the tables that do exist.
        """
        for table in self.tables:
            if (table.source, table.name) == (source, name):
                return table
        known = ", ".join(table.full_name for table in self.tables) or "none"
        raise CatalogInvalid(f"{source}.{name} is not a table of {self.domain}. Known: {known}.")


def known_domains(project_dir: Path) -> list[str]:
    """Names of the domains: the folders below `models/` of the dbt project."""
    models = project_dir / "models"
    if not models.is_dir():
        return []
    return sorted(path.name for path in models.iterdir() if path.is_dir())


def load_catalog(project_dir: Path, domain: str) -> Catalog:
    """Read and validate every `*sources.yml` below the domain's folder of models.

    Raises:
        DomainUnknown: the folder does not exist; names those that do.
        CatalogInvalid: naming file, source, table and field of every fault.
    """
    folder = project_dir / "models" / domain
    if not NAME.fullmatch(domain) or not folder.is_dir():
        known = ", ".join(known_domains(project_dir)) or "none"
        raise DomainUnknown(f"There is no domain {domain!r} in {project_dir}. Known: {known}.")
    faults: list[str] = []
    tables: list[Table] = []
    for path in sorted({*folder.rglob("*sources.yml"), *folder.rglob("*sources.yaml")}):
        tables += _tables_of_file(path, project_dir, faults)
    faults += _doubled_names(tables)
    if faults:
        raise CatalogInvalid("Sources cannot be used:\n" + "\n".join(f"- {f}" for f in faults))
    return Catalog(domain=domain, tables=tuple(tables))


def _tables_of_file(path: Path, project_dir: Path, faults: list[str]) -> Iterator[Table]:
    shown = path.relative_to(project_dir)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        faults.append(f"{shown}: not readable as YAML: {' '.join(str(error).split())}")
        return
    if not isinstance(content, Mapping) or not isinstance(content.get("sources", []), list):
        faults.append(f"{shown}: sources must be a list")
        return
    for source in content.get("sources", []):
        if not isinstance(source, Mapping) or not _is_name(source.get("name")):
            faults.append(f"{shown}: a source without a usable name (lower case, digits, _)")
            continue
        for entry in source.get("tables") or []:
            table = _table(source, entry, path, shown, faults)
            if table:
                yield table


def _table(
    source: Mapping[str, Any], entry: Any, path: Path, shown: Path, faults: list[str]
) -> Table | None:
    where = f"{shown}: source {source['name']}"
    if not isinstance(entry, Mapping) or not _is_name(entry.get("name")):
        faults.append(f"{where}: a table without a usable name (lower case, digits, _)")
        return None
    where = f"{where}, table {entry['name']}"
    source_meta = dict(_meta(source))
    meta = {**source_meta, **_meta(entry)}
    connector = meta.pop("connector", None)
    block = meta.pop("block", None)
    columns = [
        {
            "name": column.get("name"),
            "data_type": column.get("data_type") or "varchar",
            "pii": bool(_meta(column).get("pii", False)),
        }
        for column in entry.get("columns") or []
        if isinstance(column, Mapping)
    ]
    try:
        return Table.model_validate(
            {
                "source": source["name"],
                "name": entry["name"],
                "connector": connector,
                "block": block,
                "schema_name": source.get("schema") or source["name"],
                "meta": meta,
                "columns": columns,
                "file": path,
            }
        )
    except ValidationError as error:
        faults += [
            f"{where}, field {_field(fault['loc'], columns)}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        ]
        return None


def _meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    config = node.get("config") or {}
    meta = config.get("meta") if isinstance(config, Mapping) else None
    return meta if isinstance(meta, Mapping) else {}


def _field(loc: tuple[int | str, ...], columns: list[dict[str, Any]]) -> str:
    parts = [str(part) for part in loc]
    if len(parts) > 1 and parts[0] == "columns" and parts[1].isdigit():
        parts[1] = str(columns[int(parts[1])]["name"])
    if parts[0] in ("connector", "block", "meta"):
        parts = ["config", "meta", *(parts[1:] if parts[0] == "meta" else parts)]
    return ".".join(parts)


def _doubled_names(tables: list[Table]) -> Iterator[str]:
    seen: dict[tuple[str, str], Table] = {}
    for table in tables:
        key = (table.schema_name, table.name)
        if key in seen:
            other = seen[key]
            yield (
                f"{table.file.name}: source {table.source}, table {table.name}, field name: "
                f"{other.full_name} already has the view {key[0]}.{key[1]}; rename one"
            )
        seen[key] = table
        names = [column.name.lower() for column in table.columns]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield (
                f"{table.file.name}: source {table.source}, table {table.name}, field columns: "
                f"{name} is declared twice"
            )


def _is_name(value: object) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None
